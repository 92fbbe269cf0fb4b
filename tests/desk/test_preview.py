"""A study previewed: raters' own pages, of nobody, and nothing stored by walking through them."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import get_script_prefix, reverse

from study.desk import links, preview, preview_order, studies
from study.models import Invitation, Rater, Study, Trial
from study.rating import screening, sessions, urls
from tests.rating.way import OPEN, WINDOW, due

PROTOCOL = OPEN | {"sessions": 3, "break_minutes": 5, "undo_seconds": 5}


@pytest.fixture
def researcher(draft_study, calibration_dir, settings) -> Client:
    settings.CALIBRATION_DIR = calibration_dir
    studies.set_protocol(draft_study, PROTOCOL)
    draft_study.save()
    user = User.objects.create_user("anna", password="x")
    draft_study.researchers.add(user)
    client = Client()
    client.force_login(user)
    return client


def at(name: str, language: str = "en", order: int = 1) -> str:
    return reverse("preview_page", args=["small", language, order, name])


def text(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def first(pattern: str, page: str) -> str:
    return re.findall(pattern, page)[0]


def told(page: str, name: str) -> dict:
    return json.loads(first(rf'<script id="{name}" [^>]*>(.*?)</script>', page))


def stored() -> dict[str, tuple[int, str]]:
    """Of every table how many rows it has, and a checksum over them."""
    found = {}
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = sorted(map(repr, cursor.fetchall()))
        found[table] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
    return found


def rate(client: Client, page: str) -> int:
    """Answer every image of a page as its script does; returns how many answers that were."""
    state, count = told(page, "state"), 0
    send = first(r'data-vote-url="([^"]+)"', page)
    assert client.get(first(r'data-next-url="([^"]+)"', page)).json()["trials"]
    while state["trials"]:
        trial = state["trials"][0]
        assert client.get(trial["image"]).headers["Content-Type"] == "image/png"
        vote = {"trial": trial["token"], "score": trial.get("means", 3), "id": str(uuid.uuid4())}
        answer = client.post(send, vote | {"response_ms": 900}, content_type="application/json")
        state = answer.json()
        assert state["position"] == trial["position"] + 1
        count += 1
    return count


@pytest.mark.parametrize("opened", [False, True])
def test_walking_through_all_pages_and_voting_stores_nothing(researcher, draft_study, opened):
    if opened:
        studies.open_(draft_study)
    researcher.get(reverse("studies"))
    before = stored()
    overview = text(researcher, reverse("preview", args=["small"]))
    pages = re.findall(r'href="(/studies/small/preview/en/1/[^"]+)"', overview)
    assert len(pages) == len(preview.scenes(draft_study)) > 20
    answers = 0
    for address in pages:
        for language in ("en", "de"):
            there = address.replace("/en/", f"/{language}/")
            response = researcher.get(there)
            page = response.content.decode()
            assert response.status_code in (200, 403, 410), there
            assert '<aside id="preview"' in page
            own = re.findall(r'(?:href|action|src|data-\w+-url)="(/[^"]*)"', page)
            beyond = [url for url in own if not url.startswith(("/static/", "/studies/small/"))]
            assert beyond == [], there
        if 'id="rating"' in page:
            answers += rate(researcher, page)
        for action in {url for url in own if "/rate/" in url}:
            researcher.post(action, {"answers": "delete", **WINDOW})
            assert researcher.get(action).status_code in (200, 302, 405)
    shown = draft_study.images_each() + 1 + 2 * draft_study.later_stabilising
    both = 2 * (2 * draft_study.calibration_examples + draft_study.calibration_checks)
    assert 0 < answers <= shown + both
    assert stored() == before
    assert not Rater.objects.exists()
    assert get_script_prefix() == "/"


def test_the_way_of_a_rater_is_the_way_of_the_preview(researcher, draft_study):
    """What a rater is led through, page by page, is what the preview's buttons lead through."""
    studies.open_(draft_study)
    seen, address = [], at("welcome")
    while True:
        response = researcher.get(address)
        page = response.content.decode()
        seen.append(address.rstrip("/").rpartition("/")[2])
        step = re.search(r'action="([^"]+)"', page) or re.search(r'data-done-url="([^"]+)"', page)
        if step is None:
            break
        answered = researcher.post(step[1], {**WINDOW, "plate0": "0", "plate1": "0"})
        address = answered["Location"]
    assert seen == [
        "welcome", "screening", "instructions", "calibration", "begin", "session-1", "break-1",
    ]  # fmt: skip
    rater = Client()
    rater.get(links.invite(draft_study, 1)[0].get_absolute_url())
    templates = [due(rater)]
    for step in ("start", "screening", "begin"):
        rater.post(reverse(step), {**WINDOW})
        templates.append(due(rater))
    assert templates == ["welcome", "screening", "instructions", "rate"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_previewed_page_is_a_raters_page_but_for_the_bar(researcher, draft_study, language):
    studies.open_(draft_study)
    rater = Client(headers={"Accept-Language": language})
    rater.get(links.invite(draft_study, 1)[0].get_absolute_url())
    steps = {"welcome": None, "screening": "start", "instructions": "screening"}
    for name, step in steps.items():
        if step:
            rater.post(reverse(step), WINDOW)
        real = plain(rater.get(reverse("rate")).content.decode())
        page = text(researcher, at(name, language))
        bar = re.search(r"\n<link [^\n]*preview[^\n]*\n<aside.*?</aside>\n", page, re.DOTALL)
        assert bar
        shown = page.replace(bar[0], "").replace(f"{at(name, language)}rate/", "/rate/")
        assert plain(shown) == real


def test_where_a_way_ends_the_preview_shows_what_a_rater_gets(researcher, draft_study):
    """The ends of real raters, beside the previews of them."""
    studies.set_protocol(draft_study, PROTOCOL | {"calibrate": False, "plates": 0, "sessions": 1})
    draft_study.contact = "anna@example.org"
    draft_study.save()
    studies.open_(draft_study)
    named, *others = links.invite(draft_study, 7)
    Invitation.objects.filter(pk=named.pk).update(name="Jana")
    rater, away, gone, kept, none, half = (sessions.enrol(each) for each in others)
    sessions.end(away, Rater.Stage.SCREENED_OUT, refusal="vision")
    sessions.end(rater, Rater.Stage.FINISHED)
    sessions.withdraw(gone, erase=True)
    sessions.withdraw(kept, erase=False)
    browsers = {}
    for name, link in [("named", named), *zip(ENDS, others, strict=True)]:
        browsers[name] = Client(headers={"Accept-Language": "en"})
        browsers[name].get(link.get_absolute_url())
    links.revoke(none.invitation)
    assert alike(researcher, browsers.pop("named"), "named")
    studies.close(draft_study)
    for name, browser in browsers.items():
        assert alike(researcher, browser, name), name
    Rater.objects.filter(pk=half.pk).delete()
    assert alike(researcher, browsers["cut-short"], "closed")


ENDS = ("finished", "vision", "deleted", "stopped", "withdrawn", "cut-short")


def alike(researcher: Client, browser: Client, name: str) -> bool:
    """Whether a rater's page is what is previewed under that name, but for the bar."""
    page = text(researcher, at(name)).replace(f"{at(name)}rate/", "/rate/")
    shown = re.sub(r"\n<link [^\n]*preview[^\n]*\n<aside.*?</aside>\n", "", page, flags=re.DOTALL)
    made = [
        re.sub(r"[A-Z]-\w{4}-\w{4}", "", plain(each)) for each in (text(browser, "/rate/"), shown)
    ]
    return made[0] == made[1]


def plain(page: str) -> str:
    return re.sub(r'value="\w{64}"', "", page)


def test_the_examples_and_votes_are_refused_as_a_raters(researcher, draft_study):
    page = text(researcher, at("calibration"))
    send = first(r'data-vote-url="([^"]+)"', page)
    example = told(page, "state")["trials"][0]
    vote = {"trial": example["token"], "score": 3, "id": str(uuid.uuid4()), "response_ms": 900}
    kind = "application/json"
    wrong = researcher.post(send, vote, content_type=kind)
    assert wrong.status_code == 400
    assert wrong.json() == {"error": "This example stands for another category."}
    for bad, status in (({"trial": "999"}, 404), ({"trial": "x"}, 404), ({"score": 9}, 400)):
        assert researcher.post(send, vote | bad, content_type=kind).status_code == status
    assert researcher.post(send, "[]", content_type=kind).status_code == 400
    undo = researcher.post(send, {"trial": example["token"], "undo": True}, content_type=kind)
    assert set(undo.json()) == {"rating", "position", "trials"}


def test_what_is_answered_has_the_shape_of_what_a_rater_is_answered(researcher, draft_study):
    studies.set_protocol(draft_study, {name: False for name in PROTOCOL if "screen" in name})
    draft_study.calibrate, draft_study.plates = False, 0
    draft_study.save()
    studies.open_(draft_study)
    rater = sessions.enrol(links.invite(draft_study, 1)[0])
    real, previewed = sessions.standing(rater), told(text(researcher, at("session-1")), "state")
    assert set(previewed) == set(real)
    assert list(map(set, previewed["trials"])) == list(map(set, real["trials"]))
    assert [t["position"] for t in previewed["trials"]] == [t["position"] for t in real["trials"]]


def test_the_order_is_the_planners_and_the_same_for_the_same_address(researcher, draft_study):
    once, again, other = (
        [each.stimulus.pk for each in preview_order.images(draft_study, "session-1", seed=seed)[1]]
        for seed in (1, 1, 2)
    )
    assert once == again
    assert once != other


def test_a_previewed_page_names_no_method(researcher, draft_study):
    for scene in preview.scenes(draft_study):
        page = text(researcher, at(scene.name))
        assert not re.search(r"\b(nearest|bicubic|hr)\b", page, re.IGNORECASE), scene.name


def test_a_screening_is_judged_as_a_raters(researcher, draft_study):
    send = f"{at('screening')}rate/screening"
    small = researcher.post(send, WINDOW | {"viewport_width": "90"})
    assert small.status_code == 422
    assert "Not on this screen, as it is now." in small.content.decode()
    assert researcher.post(send, WINDOW | {"vision": "not"})["Location"] == at("vision")
    draft_study.plate_errors = 0
    draft_study.save()
    right = [plate.number for plate in preview.plates_of(draft_study, seed=1)]
    told = {f"plate{i}": str(number) for i, number in enumerate(right)}
    assert researcher.post(send, WINDOW | told)["Location"] == at("instructions")
    assert researcher.post(send, WINDOW)["Location"] == at("plates")
    assert "could not tell how large" in researcher.post(send).content.decode()
    assert researcher.get(f"{at('screening')}rate/plate/0").headers["Content-Type"] == "image/png"
    assert researcher.get(f"{at('screening')}rate/plate/2").status_code == 404


def test_only_researchers_of_the_study_and_only_pages_that_there_are(researcher, outsider):
    for address in (
        reverse("preview", args=["small"]),
        at("welcome"),
        f"{at('session-1')}rate/next",
    ):
        stranger = Client()
        assert stranger.get(address).status_code == 302
        stranger.force_login(outsider)
        assert stranger.get(address).status_code == 404
        assert researcher.get(address).status_code == 200
    for name in ("nothing", "session-9", "session-x", "break-3"):
        assert researcher.get(at(name)).status_code == 404
    assert researcher.get(at("welcome", "fr")).status_code == 404
    assert researcher.get(f"{at('welcome')}rate/next").status_code == 404


def test_a_study_in_one_language_is_previewed_in_that_one(researcher, draft_study):
    draft_study.language = "de"
    draft_study.save()
    assert 'lang="de"' in text(researcher, at("welcome", "de"))
    assert researcher.get(at("welcome")).status_code == 404
    assert "every rater gets the pages in Deutsch" in text(
        researcher, reverse("preview", args=["small"])
    )


def test_a_draft_says_what_it_cannot_show_yet(researcher, draft_study, settings, generated):
    settings.BENCHMARKS_DIR, settings.CALIBRATION_DIR = generated / "benchmarks", None
    Study.objects.update(wanted={"Samples": {"methods": ["nearest", "srgan"], "without": []}})
    page = text(researcher, reverse("preview", args=["small"]))
    assert "the preview goes without them: Nearest neighbour of Samples" in " ".join(page.split())
    assert "SRGAN of Samples, all" in page
    assert "The calibration cannot be shown: small calibrates its raters on 8 images" in page
    assert at("calibration") not in page
    draft_study.studystimulus_set.all().delete()
    page = text(researcher, reverse("preview", args=["small"]))
    assert "shows no images yet" in page
    assert at("session-1") not in page
    assert researcher.get(at("welcome")).status_code == 200


def test_every_address_of_raters_is_there_below_a_previewed_page(researcher):
    for pattern in urls.urlpatterns:
        if pattern.name not in ("enter", "image"):  # no link; images have an address of their own
            address = at("screening") + str(pattern.pattern).replace("<int:number>", "0")
            known = {researcher.get(address).status_code, researcher.post(address).status_code}
            assert known != {404}, pattern.name
    assert not Invitation.objects.exists()
    assert not Trial.objects.exists()


# ---- Complete: whatever a rater can read is in some preview ----

TEMPLATES = Path(settings.BASE_DIR) / "study" / "templates" / "study" / "rating"
SENTENCE = re.compile(
    r'{% translate "(.+?)" %}|{% blocktranslate.*?%}(.+?){% endblocktranslate %}', re.DOTALL
)
STUDIES: tuple[dict[str, Any], ...] = (
    PROTOCOL,
    {},
    {"sessions": 2, "break_minutes": 0},
    {"session_minutes": 1, "retests": 6},
)


def patterns(template: str) -> dict[str, str]:
    """The sentences of a template, and for each what a page with it matches."""
    found = {}
    for one, several in SENTENCE.findall(template):
        forms = [" ".join(form.split()) for form in (one or several).split("{% plural %}")]
        found[forms[0]] = "|".join(
            ".+?".join(map(re.escape, re.split(r"{{.+?}}", form))) for form in forms
        )
    return found


def test_every_sentence_of_raters_pages_is_in_a_preview(researcher, draft_study):
    pages = ""
    for protocol in STUDIES:
        for name in PROTOCOL:
            setattr(draft_study, name, Study._meta.get_field(name).get_default())
        studies.set_protocol(draft_study, protocol)
        draft_study.contact = "anna@example.org"
        draft_study.save()
        for scene in preview.scenes(draft_study):
            pages += " ".join(unescape(text(researcher, at(scene.name))).split())
    unseen = [
        (path.name, sentence)
        for path in sorted(TEMPLATES.glob("*.html"))
        for sentence, pattern in patterns(path.read_text()).items()
        if not re.search(pattern, pages)
    ]
    assert unseen == []
    assert [why for why, said in screening.REASONS.items() if str(said) not in pages] == []
