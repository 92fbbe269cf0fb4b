"""The images of a study side by side, for its researchers alone."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from study.desk import links, sheet, studies
from study.models import Stimulus
from study.rating import sessions
from tests.rating.way import vote


@pytest.fixture
def researcher(draft_study) -> Client:
    user = User.objects.create_user("anna", password="x")
    draft_study.researchers.add(user)
    client = Client()
    client.force_login(user)
    return client


def shown(client: Client, **query: str) -> str:
    return client.get(reverse("study_images", args=["small"]), query).content.decode()


def test_one_source_is_shown_by_all_methods_with_figures_and_its_neighbours(
    researcher, draft_study
):
    first, second = sheet.sources(draft_study)
    page = shown(researcher)
    assert re.findall(r"<strong>(.+?)</strong>", page) == [
        "Nearest neighbour",
        "Bicubic",
        "Original (HR)",
    ]
    assert "∞" in page
    assert "PSNR" in page
    assert "MOS" not in page
    assert 'rel="next"' in page
    assert 'rel="prev"' not in page
    later = shown(researcher, image=second.name)
    assert f">{second.image} <" in later
    assert 'rel="prev"' in later
    assert 'rel="next"' not in later
    addresses = re.findall(r'<img src="([^"]+)" width="\d+" height="\d+" alt="[^"]', page)
    assert len(addresses) == 3
    stimuli = {each.sha256: each for each in draft_study.stimuli.filter(source=first.pk)}
    for address in addresses:
        sha256 = address.rpartition("/")[2].removesuffix(".png")
        assert researcher.get(address).content == stimuli[sha256].path.read_bytes()
    unknown = researcher.get(reverse("study_images", args=["small"]), {"image": "Samples/none"})
    assert unknown.status_code == 404


def test_only_the_studys_images_and_only_for_its_researchers(researcher, draft_study, outsider):
    other = studies.create("other", sets=["Samples"], methods=("nearest", "bicubic"))
    mine = set(draft_study.stimuli.values_list("sha256", flat=True))
    foreign = other.stimuli.exclude(sha256__in=mine).first()
    address = reverse("study_image", args=["small", foreign.sha256])
    assert researcher.get(address).status_code == 404
    signed = sheet.address(other, Stimulus(sha256=foreign.sha256)).replace("/other/", "/small/")
    assert researcher.get(signed).status_code == 404, "handed out by another study"
    stranger = Client()
    own = reverse("study_image", args=["small", next(iter(mine))])
    assert stranger.get(own).status_code == 302
    stranger.force_login(outsider)
    assert stranger.get(own).status_code == 404
    assert stranger.get(reverse("study_images", args=["small"])).status_code == 404


def test_what_is_missing_or_faulty_is_said_where_it_would_be(researcher, draft_study):
    nearest, bicubic, _ = draft_study.stimuli.filter(source=sheet.sources(draft_study)[0].pk)
    draft_study.studystimulus_set.filter(stimulus=nearest).delete()
    bicubic.path.write_bytes(bicubic.path.read_bytes()[:-9])
    page = shown(researcher)
    assert f"Not there: Nearest neighbour of Samples: {nearest.source.name}." in page
    assert "There is no output of this image." in page
    assert "were kept." in page, "the file is shorter than what was kept"
    assert researcher.get(sheet.address(draft_study, bicubic)).status_code == 503


def test_a_draft_says_what_it_wishes_for_and_does_not_have(draft_study, settings, generated):
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    there = [each.image for each in sheet.sources(draft_study)]
    draft_study.wanted = {"Samples": {"methods": ["nearest", "srgan"], "without": there[:1]}}
    found = {row.method: row for row in sheet.missing(draft_study)}
    assert there[0] not in found["srgan"].images
    assert there[1] in found["srgan"].images
    assert there[1] not in found["nearest"].images
    assert found["srgan"].told == f"SRGAN of Samples, all {found['srgan'].of} images"


def test_an_empty_study_has_a_page(researcher, draft_study):
    draft_study.studystimulus_set.all().delete()
    assert "shows no images yet" in shown(researcher)


def test_no_opinion_is_shown_before_or_after(researcher, draft_study):
    studies.open_(draft_study)
    rater = sessions.enrol(links.invite(draft_study, 1)[0])
    before = shown(researcher)
    for _ in range(6):
        vote(rater, 4)
    assert re.sub(r'csrf\w+" value="\w+"', "", shown(researcher)) == re.sub(
        r'csrf\w+" value="\w+"', "", before
    )
