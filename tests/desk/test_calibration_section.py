"""A draft says on a page on which images raters are calibrated, and which of them no rater sees."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from html import unescape
from urllib.parse import quote

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from benchmarks.files import encode_png
from study.desk import anchors, places, studies
from study.models import Anchor, Deed, Study

PAGE = "/studies/small/edit/calibration"
IMAGE = "/studies/small/calibration"
FIGURES = {
    "calibration_examples": "2", "calibration_checks": "6", "calibration_errors": "1",
    "calibration_attempts": "2",
}  # fmt: skip


@pytest.fixture
def root(tmp_path, settings, calibration_dir):
    """CALIBRATION_DIR with ten images in ``own`` and three of them in ``own/few``."""
    settings.CALIBRATION_DIR, settings.CALIBRATION_ROOTS = tmp_path / "root", []
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    shutil.copytree(calibration_dir, tmp_path / "root" / "own")
    (tmp_path / "root" / "own" / "few").mkdir()
    for name in ("c0", "c1", "c2"):
        shutil.copy(calibration_dir / f"{name}.png", tmp_path / "root" / "own" / "few")
    return tmp_path / "root"


@pytest.fixture
def anna(draft_study, root) -> Client:
    user = User.objects.create_user("anna", password="anna-password")
    draft_study.researchers.add(user)
    client = Client()
    client.force_login(user)
    return client


def page(client: Client) -> str:
    return client.get(PAGE).content.decode()


def sent(client: Client, **typed: object) -> dict[str, object]:
    """What a browser sends of the page, with what is typed."""
    seen = re.search(r'name="seen" value="([^"]*)"', page(client))
    assert seen
    place = typed.get("place", "")
    return {"seen": unescape(seen[1]), "place": place, "boxes_of": place, **FIGURES, **typed}


def test_what_there_is_can_be_chosen_with_the_number_of_its_images(anna, root, generated, settings):
    options = re.findall(r'<option value="([^"]*)"[^>]*>([^<]*)</option>', page(anna))
    assert options == [
        ("", "The folder of this server (13 images)"),
        ("folder:own", "own (13 images)"),
        ("folder:own/few", "own/few (3 images)"),
        ("typed", "Another folder, named below"),
    ]
    settings.BENCHMARKS_DIR = generated / "benchmarks"  # Samples alone, which the study shows
    assert "set:Samples" not in page(anna)
    Study.objects.get().studystimulus_set.all().delete()
    assert "set:Samples" in page(anna)


def test_an_image_with_its_box_ticked_is_shown_to_nobody(anna):
    place = {"place": "folder:own", "calibrate": "on"}
    assert anna.post(PAGE, sent(anna, **place, left_out=["c3", "few/c0"])).status_code == 302
    study = Study.objects.get()
    assert (study.calibration_folder, study.calibration_left_out) == ("own", ["c3", "few/c0"])
    said = page(anna)
    boxes = re.findall(r'name="left_out" value="([^"]+)"( checked)?', said)
    assert len(boxes) == 13
    assert [name for name, ticked in boxes if ticked] == ["c3", "few/c0"]
    assert said.count(">used<") == 11
    studies.open_(study)
    names = set(Anchor.objects.values_list("stimulus__source__name", flat=True))
    assert names == {f"c{number}" for number in range(10) if number != 3}
    assert Deed.objects.filter(kind=Deed.Kind.CHANGED).count() == 1


def test_too_few_images_are_refused_at_the_field_and_not_while_nobody_is_calibrated(anna):
    for typed, reason in (
        ({"place": "folder:own/few"}, "own/few holds 3 images; name a folder that holds enough"),
        ({"place": "folder:own", "left_out": [f"c{n}" for n in range(6)]}, "own holds 7 images th"),
        ({"place": "typed", "typed": "nothing"}, "nothing holds 0 images"),
        ({"place": "typed", "typed": "../x"}, "it does not lie in CALIBRATION_DIR"),
        ({"place": "typed", "typed": " "}, "Name the folder"),
        ({"place": "set:Samples"}, "images of Samples are rated in the study"),
        ({"place": "folder:own", "left_out": ["no such"]}, "no such, which no rater of small"),
    ):
        for how in ("", "?check"):
            answer = anna.post(PAGE + how, sent(anna, calibrate="on", **typed))
            assert answer.status_code == (200 if how else 400)
            said = unescape(answer.content.decode().split('id="id_place_problems"')[1])
            assert re.match(r"[^>]*><p class=.problem.>([^<]*)", said)[1].count(reason) == 1
    assert Study.objects.get().calibration_folder == ""
    assert anna.post(PAGE, sent(anna, place="folder:own/few")).status_code == 302
    assert Study.objects.get().calibration_folder == "own/few"


def test_boxes_of_another_place_than_the_chosen_one_are_not_taken_for_its_images(anna):
    typed = {"place": "typed", "typed": "own", "boxes_of": "folder:own/few", "left_out": ["c0"]}
    checked = anna.post(f"{PAGE}?check", sent(anna, **typed)).content.decode()
    assert checked.count('name="left_out"') == 13  # the images of what is typed now
    assert anna.post(PAGE, sent(anna, **typed)).status_code == 302
    study = Study.objects.get()
    assert (study.calibration_folder, study.calibration_left_out) == ("own", [])


def test_only_images_that_are_listed_are_sent_and_to_researchers_of_the_draft_alone(
    anna, root, outsider
):
    (root.parent / "secret.png").write_bytes(encode_png(np.zeros((64, 64), np.uint8)))
    (root / "own" / "link.png").symlink_to(root.parent / "secret.png")
    good = f"{IMAGE}/small?place=folder:own&image=few/c1"
    assert anna.get(good)["Content-Type"] == "image/webp"
    for look, place, name in (
        ("small", "folder:own", "../../secret"), ("small", "folder:own", "../../secret.png"),
        ("small", "folder:..", "secret"), ("small", "folder:own", "link"),
        ("small", "folder:own", "few/c1.png"), ("small", "folder:own", ""),
        ("small", "set:Samples", "Samples/chelsea"), ("9", "folder:own", "c1"),
    ):  # fmt: skip
        assert anna.get(f"{IMAGE}/{look}?place={place}&image={quote(name)}").status_code == 404
    stranger = Client()
    assert stranger.get(good).status_code == 302
    stranger.force_login(outsider)
    assert stranger.get(good).status_code == 404
    Study.objects.update(state="open", opened_at="2026-01-01T00:00Z")
    assert anna.get(good).status_code == 404


@pytest.mark.parametrize(("height", "width"), [(61, 72), (301, 402), (200, 900)])
def test_a_cutting_is_the_middle_of_what_raters_see(anna, root, height, width):
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    (root / "own" / "noise.png").write_bytes(encode_png(noise))
    image = next(
        each
        for each in anchors.chosen(places.at(Study(), "folder:own"), {"x": True}).images
        if each.name == "noise"
    )
    for scale in (3, 4):
        for method, whole in anchors.versions(replace(image, scale=scale)):
            score = anchors.SCORES[method]
            cut = places._cutting(replace(image, scale=scale), noise, score)
            top, left = ((s - s % scale - n) // 2 // scale * scale
                         for s, n in zip(noise.shape, cut.shape[:2], strict=False))  # fmt: skip
            assert max(cut.shape[:2]) <= places.SIDE
            middle = whole[top : top + cut.shape[0], left : left + cut.shape[1]]
            assert np.array_equal(cut, middle)
    sent_small = anna.get(f"{IMAGE}/small?place=folder:own&image=noise").content
    assert max(Image.open(io.BytesIO(sent_small)).size) <= places.SIDE


def test_a_folder_whose_name_no_disk_can_hold_has_no_images(anna, root):
    name = "x" * 300
    assert anna.get(f"{IMAGE}/small?place=folder:{name}&image=c0").status_code == 404
    tried = anna.post(PAGE, sent(anna, calibrate="on", place="typed", typed=name))
    assert tried.status_code == 400
    assert "calibrates its raters on 8 images and" in tried.content.decode()
