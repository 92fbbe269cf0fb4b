"""What is looked at before a study is opened, and that opening asks first."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from study.desk import checklist, drafts, frozen, links, studies
from study.desk.told import TOLD
from study.models import Deed, Rater, Stimulus, StimulusMeasure, Study
from study.models.deeds import By
from study.rating import sessions
from tests.rating.way import vote

SURE = {"sure": "yes"}


@pytest.fixture
def researcher(draft_study) -> Client:
    user = User.objects.create_user("anna", password="x")
    draft_study.researchers.add(user)
    client = Client()
    client.force_login(user)
    return client


def levels(study: Study) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for point in checklist.points(study):
        found.setdefault(point.about, set()).add(point.level)
    return found


def said(study: Study, level: str) -> str:
    return "\n".join(point.said for point in checklist.points(study) if point.level == level)


def form(client: Client, name: str = "open_study") -> dict[str, str]:
    """What the page's form sends whoever ticks the box."""
    page = client.get(reverse(name, args=["small"])).content.decode()
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    return SURE | ({"seen": seen[1].replace("&quot;", '"')} if seen else {})


def test_a_study_as_it_should_be_has_nothing_that_bars_it(draft_study, settings):
    settings.SITE_URL = "https://study.example.org"
    told = {"researcher": "A. B.", "institution": "C", "contact": "a@b.example", "ethics": "1/26"}
    for name, value in {**told, "storage": "ten years", "source_gap": 1}.items():
        setattr(draft_study, name, value)
    draft_study.save()
    assert set.union(*levels(draft_study).values()) == {"fine"}
    assert "6 images: 2 scenes of 1 set by 3 methods." in said(draft_study, "fine")
    assert "6 images for each rater; about 2 minutes with reading, in 1 session." in said(
        draft_study, "fine"
    )


def test_what_is_missing_is_doubtful_or_to_mend(draft_study, generated, settings):
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    assert "“Contact”" in said(draft_study, "warning"), "nobody to ask: raters may take part"
    draft_study.consent, draft_study.planned_raters = "Ours", 5
    draft_study.calibrate, draft_study.sessions = True, 50
    draft_study.wanted = {
        "Samples": {"methods": ["nearest", "bicubic", "hr", "srgan"], "without": []}
    }
    draft_study.save()
    bars, warnings = said(draft_study, "bar"), said(draft_study, "warning")
    assert "50 sessions are more than there are images: 20" in bars
    assert "calibrates its raters on 8 images and CALIBRATION_DIR is not set" in bars
    assert re.search(r"Not made yet: SRGAN of Samples, all \d+ images", bars)
    assert "one text for every language" in warnings
    assert "fewer than 7" in warnings, "three methods are three pairs"
    draft_study.stimuli.first().path.unlink()
    assert "is missing" in said(draft_study, "bar")


def test_a_file_of_another_length_is_found_before_anything_is_opened(draft_study):
    path = draft_study.stimuli.first().path
    path.write_bytes(path.read_bytes() + b"more")
    assert "bytes" in said(draft_study, "bar")


def test_images_that_common_screens_have_no_room_for_are_told_of(draft_study):
    assert "Common screens have room" in said(draft_study, "fine")
    first = draft_study.stimuli.order_by("pk")[:1]
    Stimulus.objects.filter(pk__in=first).update(width=512, height=512)
    small = said(draft_study, "warning")
    assert "no room for that on a laptop with 1366 × 768" in small
    assert "on full HD (1920 × 1080) there is" in small
    assert "do not get past the image" in small
    draft_study.screen_window = True
    assert "are told so before they begin" in said(draft_study, "fine")
    Stimulus.objects.filter(pk__in=first).update(width=2040, height=1356)
    large = said(draft_study, "warning")
    assert "on a laptop with 1366 × 768 or full HD (1920 × 1080)" in large


def test_what_is_not_measured_is_told(draft_study):
    assert "PSNR" in said(draft_study, "fine")
    rows = StimulusMeasure.objects.filter(measure__name="psnr")
    rows.filter(stimulus=draft_study.stimuli.first()).delete()
    assert "PSNR of 5 of 6 images" in said(draft_study, "warning")
    StimulusMeasure.objects.all().delete()
    assert "Nothing is measured" in said(draft_study, "warning")


@pytest.mark.parametrize(
    "site", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000", "https://a.example"]
)
def test_links_that_nobody_else_can_follow_are_doubtful(draft_study, settings, site):
    settings.SITE_URL = site
    level = "fine" if site.startswith("https") else "warning"
    assert f"They lead to {site}" in said(draft_study, level)
    assert "sends no mail" in said(draft_study, level)
    settings.MAIL = True
    assert "sends no mail" not in said(draft_study, level)


def test_calibration_images_that_are_rated_bar_opening(
    researcher, draft_study, settings, generated, tmp_path
):
    for path in (generated / "benchmarks" / "Samples").glob("*.png"):
        shutil.copy(path, tmp_path)
    settings.CALIBRATION_DIR = tmp_path
    draft_study.calibrate, draft_study.calibration_examples = True, 1
    draft_study.calibration_checks = 1
    draft_study.save()
    page = researcher.get(reverse("open_study", args=["small"])).content.decode()
    assert "is rated in small; calibrate on other images" in page
    assert "Open ‘" not in page


def test_the_list_of_what_is_frozen_has_every_setting_that_is(draft_study):
    told = [name for names in checklist.FROZEN.values() for name in names]
    assert sorted(told) == sorted([*frozen.marks(draft_study)])


def test_a_text_in_one_of_two_languages_is_to_mend(draft_study):
    draft_study.texts = {"consent": {"de": "Unsere"}}
    draft_study.save()
    assert "In German raters would read the study's own consent" in said(draft_study, "bar")
    draft_study.language = "de"
    draft_study.save()
    assert not checklist.bars(checklist.points(draft_study))


@pytest.mark.parametrize(("keep", "what"), [("source", "one scene"), ("method", "one method")])
def test_one_image_or_one_method_is_doubtful_and_bars_nothing(draft_study, keep, what):
    first = draft_study.stimuli.first()
    rows = draft_study.studystimulus_set
    rows.exclude(**{f"stimulus__{keep}": getattr(first, keep)}).delete()
    assert what in said(draft_study, "warning")
    assert not checklist.bars(checklist.points(draft_study))


def test_opening_shows_the_list_then_opens_and_says_what_comes_next(researcher, draft_study):
    address = reverse("open_study", args=["small"])
    page = researcher.get(address).content.decode()
    assert "Open ‘A small study’" in page
    assert "What is frozen from then on" in page
    unsure = researcher.post(
        address, {key: v for key, v in form(researcher).items() if key != "sure"}
    )
    assert unsure.status_code == 400
    assert "tick the box" in unsure.content.decode()
    draft_study.refresh_from_db()
    assert draft_study.state == Study.State.DRAFT
    opened = researcher.post(address, form(researcher), follow=True)
    assert "A small study is open. Make links now" in opened.content.decode()
    draft_study.refresh_from_db()
    assert draft_study.state == Study.State.OPEN
    assert draft_study.deeds.get(kind=Deed.Kind.OPENED).account == "anna"


def test_what_bars_opening_bars_it_for_a_form_that_comes_all_the_same(researcher, draft_study):
    sent = form(researcher)
    draft_study.stimuli.first().path.unlink()
    answer = researcher.post(reverse("open_study", args=["small"]), sent)
    assert answer.status_code == 400
    assert "is missing" in answer.content.decode()
    draft_study.studystimulus_set.all().delete()
    page = researcher.get(reverse("open_study", args=["small"])).content.decode()
    assert "nothing to rate" in page
    assert "Open ‘" not in page
    draft_study.refresh_from_db()
    assert draft_study.state == Study.State.DRAFT


@pytest.mark.parametrize("what", ["setting", "images"])
def test_whoever_opens_what_somebody_changed_meanwhile_is_told_what(researcher, draft_study, what):
    sent = form(researcher)
    if what == "setting":
        drafts.change(draft_study, {"retests": 2}, seen={"retests": 0}, by=By(account="berta"))
    else:
        draft_study.studystimulus_set.first().delete()
    answer = researcher.post(reverse("open_study", args=["small"]), sent)
    assert answer.status_code == 409
    told = f"“{TOLD['retests'].label}” (last by berta)" if what == "setting" else "the images"
    assert f"Changed since you looked: {told}" in answer.content.decode()
    draft_study.refresh_from_db()
    assert draft_study.state == Study.State.DRAFT
    assert (
        researcher.post(reverse("open_study", args=["small"]), form(researcher)).status_code == 302
    )


@pytest.mark.parametrize("seen", ["", "[]", "{", '{"images": 3}', "[" * 99_999])
def test_a_form_without_what_was_seen_opens_nothing(researcher, draft_study, seen):
    answer = researcher.post(reverse("open_study", args=["small"]), SURE | {"seen": seen})
    assert answer.status_code == 409
    draft_study.refresh_from_db()
    assert draft_study.state == Study.State.DRAFT


def test_all_that_is_frozen_is_among_what_was_seen(draft_study):
    seen = frozen.marks(draft_study)
    assert set(seen) == {*Study.FROZEN, *Study.DECLARED, "wanted", "images"}
    draft_study.undo_seconds = 3
    assert frozen.changed(draft_study, seen) == ["undo_seconds"]


def test_closing_tells_who_is_half_way_and_opening_again_is_asked_too(researcher, draft_study):
    studies.open_(draft_study)
    raters = [sessions.enrol(each) for each in links.invite(draft_study, 3)[:2]]
    vote(raters[0], 3)
    assert Rater.objects.filter(seen_at=None).exists()
    address = reverse("close_study", args=["small"])
    page = researcher.get(address).content.decode()
    assert "2 raters are half way, 1 of them with answers" in page
    assert "1 of them answered within the last 10 minutes" in page
    long_ago = timezone.now() - timedelta(hours=1)
    Rater.objects.filter(seen_at__isnull=False).update(seen_at=long_ago)
    assert "within the last" not in researcher.get(address).content.decode()
    assert "Close ‘A small study’" in page
    assert researcher.post(address).status_code == 400
    assert Study.objects.get().state == Study.State.OPEN
    assert researcher.post(address, SURE).status_code == 302
    assert Study.objects.get().state == Study.State.CLOSED
    assert researcher.get(address).status_code == 302, "closed already: its page says so"
    again = reverse("open_study", args=["small"])
    assert "again?" in researcher.get(again).content.decode()
    assert researcher.post(again, form(researcher)).status_code == 302
    assert Study.objects.get().state == Study.State.OPEN
    assert Rater.objects.count() == 2


def test_a_studys_page_says_who_may_take_part_and_no_more(researcher, draft_study):
    studies.set_protocol(draft_study, {"screen_window": True, "plates": 6})
    draft_study.save()
    page = researcher.get(draft_study.get_absolute_url()).content.decode()
    said = "Whoever has a link, has a window that holds the images, misreads at most 1 of 6 colour"
    assert said in page
