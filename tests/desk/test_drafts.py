"""A draft is changed on pages: what is wrong is said at its field, nobody overwrites another."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from study.desk import docs, drafts, rules
from study.desk.sections import SECTIONS
from study.desk.told import STUDY, TOLD
from study.models import Deed, Study
from study.models.deeds import By

SESSIONS = "/studies/small/edit/sessions"


def signed_in(name: str, study: Study) -> Client:
    user = User.objects.create_user(name, password=f"{name}-password")
    study.researchers.add(user)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def anna(draft_study) -> Client:
    return signed_in("anna", draft_study)


@pytest.fixture
def bob(draft_study) -> Client:
    return signed_in("bob", draft_study)


def filled(page: str) -> dict[str, Any]:
    """What a browser would send of the form of settings on a page that nobody touched."""
    form = page.split('class="settings"')[1].split("</form>")[0]
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]+>", form):
        told = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        box = told.get("type") == "checkbox"
        if "name" in told and not (box and "checked" not in tag):
            value = unescape(told.get("value", "on" if box else ""))
            sent.setdefault(told["name"], []).append(value)
    return {name: each[0] if len(each) == 1 else each for name, each in sent.items()}


def page(client: Client, address: str = SESSIONS) -> dict[str, Any]:
    return filled(client.get(address).content.decode())


def text(response) -> str:
    return unescape(response.content.decode())


@pytest.mark.parametrize("section", SECTIONS)
def test_a_page_that_nobody_touched_changes_nothing(anna, section):
    before = Study.objects.values().get()
    address = f"/studies/small/edit/{section}"
    assert anna.post(address, page(anna, address)).status_code == 302
    assert Study.objects.values().get() == before
    assert not Deed.objects.filter(kind=Deed.Kind.CHANGED).exists()


def test_what_is_changed_is_stored_and_told_from_what_to_what(anna):
    address = "/studies/small/edit/screening"
    sent = page(anna, address) | {"screen_device": "on", "plates": "6"}
    assert anna.post(address, sent)["Location"] == address
    study = Study.objects.get()
    assert (study.screen_device, study.screen_vision, study.plates) == (True, False, 6)
    deed = Deed.objects.get(kind=Deed.Kind.CHANGED)
    assert deed.details == {"screen_device": [False, True], "plates": [0, 6]}
    assert deed.account == "anna"


def test_rules_that_cannot_be_kept_together_are_said_at_the_field_and_nothing_is_stored(anna):
    sent = page(anna) | {"share": "7"}
    said = anna.post(SESSIONS, sent)
    assert said.status_code == 400
    assert re.search(
        r'id="id_share_problems"[^>]*><p class="problem">the study shows 6 images', text(said)
    )
    assert re.search(r'name="share" value="7"[^>]* autofocus', text(said))
    checked = anna.post(f"{SESSIONS}?check", sent)
    assert checked.status_code == 200
    assert "the study shows 6 images only" in text(checked)
    assert "<form" not in text(checked)
    assert Study.objects.get().share is None
    sent["share"] = "6"
    assert 'problem">' not in text(anna.post(f"{SESSIONS}?check", sent))
    assert Study.objects.get().share is None


@pytest.mark.parametrize("first", ["anna", "bob"])
def test_a_second_editor_is_told_what_the_first_changed(anna, bob, first):
    one, two = (anna, bob) if first == "anna" else (bob, anna)
    of_one, of_two = page(one), page(two)
    one.post(SESSIONS, of_one | {"session_minutes": "20", "sessions": "2"})
    said = two.post(SESSIONS, of_two | {"break_minutes": "60"})
    assert said.status_code == 409
    assert f"{first} changed “Longest session” just now, from 30 to 20. The" in text(said)
    assert (
        "from as many as the longest session makes necessary to 2. The field shows that now"
        in text(said)
    )
    assert Study.objects.get().break_minutes == 10
    again = filled(said.content.decode())
    assert (again["session_minutes"], again["sessions"], again["break_minutes"]) == (
        "20",
        "2",
        "60",
    )
    assert two.post(SESSIONS, again).status_code == 302
    study = Study.objects.get()
    assert (study.session_minutes, study.sessions, study.break_minutes) == (20, 2, 60)


def test_a_second_click_on_save_is_no_second_editor(anna):
    sent = page(anna) | {"retests": "2"}
    for _ in range(2):
        assert anna.post(SESSIONS, sent).status_code == 302
        assert "Saved." in text(anna.get(SESSIONS))
    assert Deed.objects.filter(kind=Deed.Kind.CHANGED).count() == 1


def test_of_a_field_that_both_changed_what_was_typed_stays_and_the_other_value_is_told(anna, bob):
    of_anna, of_bob = page(anna), page(bob)
    anna.post(SESSIONS, of_anna | {"session_minutes": "20"})
    said = bob.post(SESSIONS, of_bob | {"session_minutes": "25"})
    assert "from 30 to 20. Yours, 25, is still in the field" in text(said)
    assert Study.objects.get().session_minutes == 20
    bob.post(SESSIONS, filled(said.content.decode()))
    assert Study.objects.get().session_minutes == 25
    told = Deed.objects.filter(kind=Deed.Kind.CHANGED).values_list("account", "details")
    assert list(told) == [
        ("anna", {"session_minutes": [30, 20]}), ("bob", {"session_minutes": [20, 25]}),
    ]  # fmt: skip


def test_a_box_that_somebody_ticked_is_told_as_yes(anna, bob):
    address = "/studies/small/edit/screening"
    of_anna, of_bob = page(anna, address), page(bob, address)
    anna.post(address, of_anna | {"screen_device": "on"})
    said = bob.post(address, of_bob | {"plates": "4"})
    assert "from no to yes" in text(said)
    assert filled(said.content.decode())["screen_device"] == "on"


def test_a_form_that_does_not_say_what_was_seen_stores_nothing(anna):
    for seen in ("", "{}", "[]", "nonsense", '{"sessions": null}'):
        said = anna.post(SESSIONS, page(anna) | {"seen": seen, "session_minutes": "20"})
        assert said.status_code == 400
    assert Study.objects.get().session_minutes == 30


@pytest.mark.parametrize(
    "seen",
    [
        '"x"', "[" * 100_000, "9" * 5000, '{"wanted": "x"}', '{"wanted": {"Set5": 5}}',
        '{"wanted": {"Set5": {"methods": [1], "without": []}}}', '{"wanted": "\\ud800"}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("address", ["", "?look", "?check"])
def test_what_no_page_can_have_shown_is_refused_in_words(anna, draft_study, seen, address):
    sent = anna.post(f"/studies/small/edit/shown{address}", {"seen": seen})
    assert sent.status_code == (200 if address else 400)
    assert address or "the page was incomplete; load it again" in text(sent)
    assert not Deed.objects.filter(kind=Deed.Kind.CHANGED, study=draft_study).exists()


def test_outsiders_find_no_draft_and_an_opened_study_has_no_page(anna, draft_study, outsider):
    stranger = Client()
    stranger.force_login(outsider)
    for section in SECTIONS:
        address = f"/studies/small/edit/{section}"
        assert stranger.get(address).status_code == stranger.post(address).status_code == 404
    assert anna.get("/studies/small/edit/nothing").status_code == 404
    sent = page(anna)
    Study.objects.update(state="open", opened_at=draft_study.created_at)
    assert anna.get(SESSIONS)["Location"] == "/studies/small/"
    assert anna.post(SESSIONS, sent | {"session_minutes": "9"})["Location"] == "/studies/small/"
    assert anna.post(f"{SESSIONS}?check", sent)["Location"] == "/studies/small/"
    with pytest.raises(ValueError, match="was opened meanwhile"):
        drafts.change(draft_study, {"session_minutes": 9}, seen={}, by=By())
    assert Study.objects.get().session_minutes == 30


def test_every_setting_of_a_draft_has_a_place_in_the_documentation():
    for name, told in TOLD.items():
        document, _, anchor = told.page.partition("#")
        headings = re.findall(
            r"^#+ (.+)$", (docs.FOLDER / f"{document}.md").read_text(), re.MULTILINE
        )
        assert anchor in {docs.anchor(each) for each in headings}, name


def test_every_setting_of_a_study_is_on_a_page_of_its_draft():
    told = {name for section in SECTIONS.values() for name in section.form.base_fields}
    assert {*Study.PROTOCOL, *Study.DECLARED, "title", "slug", "wanted"} - told == set()


def test_a_name_that_is_taken_or_none_is_refused_and_a_new_one_leads_on(anna, draft_study):
    address = "/studies/small/edit/study"
    Study.objects.create(slug="other", title="Other")
    for slug in ("other", "no name", "", "-" * 51):
        said = anna.post(address, page(anna, address) | {"slug": slug})
        assert said.status_code == 400
        assert 'href="/studies/small/edit/shown"' in text(said)
    made = anna.post(address, page(anna, address) | {"slug": "new", "title": "New"})
    assert made["Location"] == "/studies/new/edit/study"
    assert anna.get(made["Location"]).status_code == 200


def test_a_number_of_raters_is_computed_for_this_study_and_taken_over(anna, draft_study):
    address = "/studies/small/edit/analysis"
    before = Study.objects.values().get()
    assert "raters show" not in text(anna.get(address))
    said = text(anna.get(f"{address}?difference=0.6&power=80&set=Samples"))
    number = re.search(r'name="planned_raters" value="(\d+)">Plan', said)
    assert number
    assert f"{number[1]} raters show a difference of 0.6 in at least 80% of studies" in said
    assert "Assumed: Samples, 2 images, all rated by everyone; 3 methods" in said
    assert Study.objects.values().get() == before
    Study.objects.update(share=3)
    said = text(anna.get(f"{address}?difference=0.6&power=80"))
    assert "1 of them by each method rated by a rater" in said
    for sent in ("difference=x&power=80", "difference=0.6&power=80&set=x", "difference=9&power=80"):
        assert "raters show" not in text(anna.get(f"{address}?{sent}"))
    sent = page(anna, address)
    anna.post(address, sent | {"planned_raters": [sent["planned_raters"], number[1]]})
    assert Study.objects.get().planned_raters == int(number[1])


def test_saving_goes_on_to_the_next_part_and_after_the_last_to_the_checklist(anna):
    sent = page(anna) | {"retests": "2", "go_on": "yes"}
    assert anna.post(SESSIONS, sent).url == "/studies/small/edit/texts"
    assert Study.objects.get().retests == 2
    last = f"/studies/small/edit/{[*SECTIONS][-1]}"
    assert anna.post(last, page(anna, last) | {"go_on": "yes"}).url == "/studies/small/open"


def test_the_page_of_a_draft_says_what_bars_its_opening_and_shows_no_results(anna, draft_study):
    shown = text(anna.get("/studies/small/"))
    assert "Nothing bars opening it" in shown
    assert 'href="/studies/small/edit/sessions">Order</a>' in shown
    assert "Mean opinion scores" not in shown
    assert "Downloads" not in shown
    draft_study.studystimulus_set.all().delete()
    shown = text(anna.get("/studies/small/"))
    assert "1 thing to mend before it can be opened" in re.sub(r"\s+", " ", shown)
    assert "there is nothing to rate" in shown


@pytest.mark.parametrize("value", ["", "-1", "0", "1000000000", "3.5", "text", "NaN", "x" * 300])
@pytest.mark.parametrize("section", ["screening", "calibration", "sessions", "analysis"])
def test_of_a_number_that_cannot_be_its_field_says_once_which_can(anna, section, value):
    address = f"/studies/small/edit/{section}"
    sent = page(anna, address)
    for name in SECTIONS[section].form.base_fields:
        field = Study._meta.get_field(name) if name in STUDY else None
        limits = field and rules.limits(field)
        if not limits:
            continue
        said = text(anna.post(f"{address}?check", sent | {name: value}))
        [found] = re.findall(rf'id="id_{name}_problems"[^>]*>(.*?)</div>', said)
        try:
            right = limits[0] <= float(value) <= limits[1] and value != "3.5"
        except ValueError:
            right = value == "" and field.null
        told = f"from {limits[0]:g} to {limits[1]:g}"
        assert found.count('class="problem"') == (0 if right else 1), (name, found)
        assert right or told in found, (name, found)
        assert "calibrates its raters on 1000" not in said


@pytest.mark.parametrize(
    ("section", "typed", "name", "remark"),
    [
        ("sessions", {"source_gap": "9"}, "source_gap", "room for 1 at most: the study shows 2"),
        ("sessions", {"first_stabilising": "20"}, "first_stabilising", "the study shows 6 images"),
        ("sessions", {"share": "2"}, "share", "26 planned raters give each image 8.7 ratings"),
        ("screening", {"plates": "4", "plate_errors": "4"}, "plate_errors", "misreads all 4 would"),
        (
            "calibration", {"calibrate": "on", "calibration_errors": "6"}, "calibration_errors",
            "all 6 answers wrong would pass",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_kept_whole_is_said_at_its_field_and_on_the_checklist(
    anna, draft_study, section, typed, name, remark, settings, calibration_dir
):
    settings.CALIBRATION_DIR = calibration_dir
    address = f"/studies/small/edit/{section}"
    sent = page(anna, address) | typed
    for said in (anna.post(f"{address}?check", sent), anna.post(address, sent, follow=True)):
        [found] = re.findall(rf'id="id_{name}_problems"[^>]*>(.*?)</div>', text(said))
        assert remark in found
        assert "problem" not in found
    assert remark in text(anna.get("/studies/small/open"))


def test_sessions_that_would_be_too_long_for_their_number_are_told(draft_study):
    shows = [("S", method, str(n)) for n in range(400) for method in ("a", "b")]
    draft_study.sessions = 2
    assert rules.remarks(draft_study, shows)["sessions"].startswith("each would take about 41 min")
    draft_study.sessions = None
    assert "sessions" not in rules.remarks(draft_study, shows)


def test_two_who_write_in_two_languages_are_not_in_each_others_way(anna, bob, draft_study):
    address = "/studies/small/edit/texts"
    one = {"texts_consent_en": "One " * 100, "texts_consent_de": "Eins"}
    anna.post(address, page(anna, address) | one)
    of_anna, of_bob = page(anna, address) | one, page(bob, address) | one
    anna.post(address, of_anna | {"texts_consent_en": "One " * 99 + "Two"})
    said = bob.post(address, of_bob | {"texts_consent_de": "Zwei"})
    assert said.status_code == 409
    assert "data-unsaved" in text(said)
    assert re.search(
        "anna changed “Consent in English”.*from ….*One +to ….*One Two. The field", text(said)
    )
    typed = dict(re.findall(r'name="(texts_\w+)"[^>]*>([^<]*)<', text(said)))
    assert typed["texts_consent_en"].endswith("One Two")
    assert typed["texts_consent_de"] == "Zwei"
    bob.post(address, filled(said.content.decode()) | typed)
    draft_study.refresh_from_db()
    assert draft_study.texts["consent"] == {"en": "One " * 99 + "Two", "de": "Zwei"}


def test_a_default_is_said_once_and_in_words(anna):
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", text(anna.get(SESSIONS))))
    assert "Default: empty, as many as the longest session makes necessary." in said
    assert "Default: empty, all that the study shows." in said
    assert "Default: 300." in said
    assert said.count("Empty:") == 0
