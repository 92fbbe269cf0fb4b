"""Results image by image: of each version what its raters pressed, and not too early."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from study.desk import by_image, computed, exports, links, rehearsal, sheet, studies
from study.models import Deed, Rating, SourceImage, Trial
from study.rating import sessions
from study.site.computed import folder
from tests.rating.way import cast

SCORES = [{"nearest": 1, "bicubic": 3, "hr": 5}, {"nearest": 2, "bicubic": 3, "hr": 4}]
PAGES = ("by_image", "one_image", "disagreements")


@pytest.fixture
def voted(open_study):
    """Two people, who tell the two scenes apart by one point for bicubic."""
    first = sheet.sources(open_study)[0].pk
    for invitation, given in zip(links.invite(open_study, 2), SCORES, strict=True):
        rater = sessions.enrol(invitation)
        for trial in Trial.objects.filter(rater=rater).order_by("position"):
            stimulus = trial.stimulus
            score = given[stimulus.method.name]
            score += stimulus.source_id == first and stimulus.method.name == "bicubic"
            cast(rater, token=trial.token, score=score, client_id=uuid.uuid4())
    return open_study


@pytest.fixture
def researcher(owner):
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def looking(voted, researcher):
    """The researcher, who has looked."""
    researcher.post(reverse("look", args=["small"]))
    return researcher


def get(client, name="by_image", **query) -> str:
    answer = client.get(reverse(name, args=["small"]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def scenes(page: str) -> list[str]:
    return re.findall(r'<h2 id="scene-\d+"><a href="[^"]+">(.*?)</a>', page)


def test_every_version_has_what_its_raters_gave_it(looking, voted):
    page = get(looking)
    assert scenes(page) == [each.image for each in sheet.sources(voted)]
    for scene, bicubic, counts in zip(
        re.findall('<section class="scene".*?</section>', page, re.S),
        ("4.00", "3.00"),
        ("0, 0, 0, 2, 0", "0, 0, 2, 0, 0"),
        strict=True,
    ):
        assert re.findall(r"<strong>(.*?)</strong>", scene) == [
            "Nearest neighbour",
            "Bicubic",
            "Original (HR)",
        ]
        assert re.findall(r"MOS <b>(.*?)</b>", scene) == ["1.50", bicubic, "4.50"]
        assert f'aria-label="Ratings of 1 to 5: {counts}"' in scene
        assert "1, 1, 0, 0, 0" in scene
        assert scene.count("2 ratings") == 3
        assert "± 6.35" in scene, "t(0.975, 1)·0.71/√2"
        assert scene.count('loading="lazy"') == 3


def test_the_figures_are_those_of_the_tables(looking, voted):
    kept = json.loads(by_image.by_image_json(voted, "people"))
    there = {
        (each["set"], each["image"], version["method"]): version
        for each in kept["images"]
        for version in each["versions"]
    }
    rows = exports.report(voted, kind="people")["stimuli"]
    assert len(rows) == len(there) == 6
    for row in rows:
        version = there[row["set"], row["content"], row["method"]]
        shown = [version[name] for name in ("n", "mos", "ci_low", "ci_high", "sd")]
        assert shown == [row[name] for name in ("n", "mos", "ci_low", "ci_high", "sd")]
        assert sum(version["counts"]) == row["n"]


def test_scenes_are_sorted_by_spread_disagreement_and_a_methods_mos(looking, voted):
    first, second = (each.image for each in sheet.sources(voted))
    for sort, order in (
        ("name", [first, second]),
        ("spread", [first, second]),
        ("mos:bicubic", [first, second]),
    ):
        assert scenes(get(looking, sort=sort)) == order
        assert scenes(get(looking, sort=sort, turned="1")) == order[::-1]
    assert scenes(get(looking, sort="disagreement")) == [first, second], "alike: as in tables"
    assert scenes(get(looking, set="Samples")) == [first, second]
    for query in ({"set": "Set5"}, {"sort": "luck"}, {"sort": "mos:luck"}):
        assert looking.get(reverse("by_image", args=["small"]), query).status_code == 404


def test_scenes_without_a_figure_to_sort_by_come_last():
    image = {"set": "S", "versions": [], "disagreement": None}
    found = {
        "methods": {},
        "images": [
            image | {"image": "a", "spread": None},
            image | {"image": "b", "spread": 0.0},
            image | {"image": "c", "spread": 2.0},
        ],
    }
    for turned, order in ((False, "cba"), (True, "bca")):
        shown = by_image.chosen(found, sort="spread", turned=turned)
        assert "".join(each["image"] for each in shown) == order


def test_a_list_has_pages(looking, monkeypatch, voted):
    monkeypatch.setattr(by_image, "PER_PAGE", 1)
    first, second = (each.image for each in sheet.sources(voted))
    page = get(looking, sort="spread")
    assert scenes(page) == [first]
    assert "Images 1 to 1 of 2" in page
    assert "sort=spread&amp;page=2" in page
    assert scenes(get(looking, sort="spread", page="2")) == [second]


def test_an_image_has_a_page_with_all_versions_at_full_size(looking, voted):
    _, second = sheet.sources(voted)
    page = get(looking, "one_image", image=second.name, sort="name")
    assert f"<h1>{second.image}" in page
    addresses = re.findall(r'<img src="([^"]+)" width', page)
    assert len(addresses) == 3
    stimuli = {each.sha256: each for each in voted.stimuli.filter(source=second.pk)}
    for address in addresses:
        sha256 = address.rpartition("/")[2].removesuffix(".png")
        assert looking.get(address).content == stimuli[sha256].path.read_bytes()
    assert 'rel="prev"' in page
    assert 'rel="next"' not in page
    assert re.findall(r"<li><b>(\d)</b>", page)[:5] == ["1", "1", "0", "0", "0"]
    assert "∞" in page
    unknown = looking.get(reverse("one_image", args=["small"]), {"image": "Samples/none"})
    assert unknown.status_code == 404


def test_odd_names_lead_to_their_page(looking, voted):
    SourceImage.objects.filter(pk=sheet.sources(voted)[0].pk).update(name='a&b/"<ü> 1+1')
    page = get(looking)
    assert "<ü>" not in page
    (address, *_) = re.findall(r'<h2 id="scene-1"><a href="([^"]+)">', page)
    shown = looking.get(address.replace("&amp;", "&")).content.decode()
    assert "<h1>a&amp;b/&quot;&lt;ü&gt; 1+1" in shown


def test_a_small_picture_is_of_this_study_and_for_its_researchers(looking, voted, outsider):
    stimulus = voted.stimuli.first()
    address = reverse("study_small", args=["small", stimulus.sha256])
    assert address in get(looking)
    answer = looking.get(address)
    assert answer["Content-Type"] == "image/webp"
    assert answer.content[8:12] == b"WEBP"
    assert looking.get(reverse("study_small", args=["small", "0" * 64])).status_code == 404
    looking.force_login(outsider)
    assert looking.get(address).status_code == 404


def test_a_damaged_picture_is_said_to_be(looking, voted):
    stimulus = voted.stimuli.first()
    stimulus.path.write_bytes(b"no image")
    assert looking.get(reverse("study_small", args=["small", stimulus.sha256])).status_code == 503


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_told_of_an_open_study_before_the_look(name, voted, researcher):
    answer = researcher.get(reverse(name, args=["small"]))
    assert answer.status_code == 302
    assert answer["Location"].split("?")[0] == reverse("study", args=["small"])
    assert not folder(voted.pk).exists(), "nothing was computed either"
    ready = researcher.get(reverse("ready", args=["small", computed.BY_IMAGE]))
    assert ready.status_code == 302


@pytest.mark.parametrize("name", PAGES)
def test_a_look_leads_on_to_the_page_that_was_asked_for(name, voted, researcher):
    page = f"{reverse(name, args=['small'])}?raters=people"
    told = researcher.get(page, follow=True)
    then = told.context["then"]
    assert f'name="then" value="{then}"' in told.content.decode()
    look = reverse("look", args=["small"])
    assert researcher.post(look, {"then": then})["Location"] == page
    for elsewhere in ("", "https://example.org/", "//example.org", "/studies/other/by-image/"):
        answer = researcher.post(look, {"then": elsewhere})
        assert answer["Location"] == reverse("study", args=["small"])


@pytest.mark.parametrize("name", PAGES)
def test_reading_a_closed_study_image_by_image_is_a_look(name, voted, researcher):
    studies.close(voted)
    get(researcher, name)
    assert voted.deeds.filter(kind=Deed.Kind.LOOKED).count() == 1
    get(researcher, name)
    assert voted.deeds.filter(kind=Deed.Kind.LOOKED).count() == 1


@pytest.mark.parametrize("name", PAGES)
def test_simulated_raters_are_marked_in_the_title_the_heading_and_every_link(name, looking, voted):
    list(rehearsal.rehearse(voted, raters=7, seed=1))
    page = get(looking, name, raters="simulated")
    assert "(SIMULATED raters)</title>" in page
    assert '<span class="tag">simulated</span></h1>' in page
    assert "<strong>Simulated raters.</strong>" in page
    for address in re.findall(r'href="([^"]*by-image[^"]*)"', page):
        if "raters=" not in address:
            assert address == reverse("by_image", args=["small"]), "the tab of the study"
    people = get(looking, name)
    assert "SIMULATED" not in people
    if name != "disagreements":
        assert "7 ratings" in page
        assert "7 ratings" not in people


def test_the_pages_ask_no_more_of_the_database_for_more_images(looking, voted):
    asked = {}
    for sources in (1, 2):
        shown = voted.studystimulus_set.order_by("pk")
        for name in PAGES:
            get(looking, name)
            with CaptureQueriesContext(connection) as queries:
                get(looking, name)
            asked.setdefault(name, []).append(len(queries))
        if sources == 1:
            Rating.objects.filter(trial__stimulus__source=sheet.sources(voted)[1].pk).delete()
            gone = sheet.sources(voted)[1].pk
            shown.filter(stimulus__source=gone).delete()
    assert asked == {name: [counts[0]] * 2 for name, counts in asked.items()}
    assert max(counts[0] for counts in asked.values()) <= 30


def test_before_the_first_vote_and_without_images_there_is_a_page(open_study, researcher):
    researcher.post(reverse("look", args=["small"]))
    for name in PAGES:
        assert "Nobody has rated yet." in get(researcher, name)
    open_study.studystimulus_set.all().delete()
    assert "shows no images yet" in get(researcher)
    assert "shows no images yet" in get(researcher, "disagreements")
    assert researcher.get(reverse("one_image", args=["small"])).status_code == 404


def test_the_page_of_a_large_study_waits_for_its_figures(voted, researcher, monkeypatch):
    studies.close(voted)
    monkeypatch.setattr(computed, "SMALL", 0)
    monkeypatch.setattr(computed, "PATIENCE", 0)
    with computed._alone(voted, "people"):
        page = get(researcher)
    assert "figures are being computed" in page
    assert f'data-ready="{reverse("ready", args=["small", computed.BY_IMAGE])}' in page
    computed.make(voted, kind="people", names=[computed.BY_IMAGE])
    assert "4.50" in get(researcher)


# ---- The largest disagreements ----


def test_examples_are_shown_with_their_pictures_and_figures(voted, looking):
    list(rehearsal.rehearse(voted, raters=12, seed=3, mos={"nearest": 2.5, "bicubic": 4.5}))
    found = json.loads(by_image.by_image_json(voted, "simulated"))
    page = get(looking, "disagreements", raters="simulated")
    contested = re.search(r'<h2 id="contested">.*?</section>', page, re.S)[0]
    assert len(found["contested"]) == 2, "a quarter of six versions, rounded up"
    for row in found["contested"]:
        assert f"SD {row['sd']:.2f}" in contested
    assert "study/images/small" not in page
    assert contested.count("/images/small/") == 2
    contradicted = re.search(r'<h2 id="contradicted">.*?</section>', page, re.S)[0]
    for measure in found["contradicted"]:
        assert f"<h3>{measure['title']}</h3>" in contradicted
    assert "None: this takes three methods" in page, "the original is none of two"


def test_few_raters_are_said_to_be_too_few_for_examples(looking):
    page = get(looking, "disagreements")
    assert "no version has at least 5 ratings that differ" in page
    assert "at least 6 raters who rated both" in page
