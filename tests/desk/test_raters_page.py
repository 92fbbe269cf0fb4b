"""The page of a study's raters: who is where, told to those who may know it, and cheap to ask."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from study.analysis import screening
from study.desk import computed, flags, links, rehearsal, roster, studies
from study.desk.invitees import Person
from study.models import (
    Deed,
    Invitation,
    Member,
    Rater,
    Rating,
    Role,
    Session,
    Stimulus,
    Study,
    Trial,
)
from study.rating import sessions
from tests.rating.way import vote, vote_all


@pytest.fixture(autouse=True)
def _no_throttle():
    cache.clear()


@pytest.fixture
def researcher(owner):
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def viewer(open_study):
    client = Client()
    user = User.objects.create_user("viewer")
    Member.objects.create(study=open_study, user=user, role=Role.VIEWER)
    client.force_login(user)
    return client


def page(client, **query) -> str:
    answer = client.get(reverse("raters", args=["small"]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(client, **query) -> list[int]:
    """The numbers of the rows, from above."""
    return [row.number for row in _table(client, **query).rows]


def _table(client, **query):
    return client.get(reverse("raters", args=["small"]), query).context["table"]


def one(client, number: int = 1) -> str:
    """The page of one rater."""
    return client.get(reverse("rater", args=["small", number])).content.decode()


def finish(invitation: Invitation) -> Rater:
    rater = sessions.enrol(invitation)
    while rater.stage == Rater.Stage.RATING:
        sessions.go_on(rater)
        vote_all(rater)
        rater.refresh_from_db()
    return rater


def test_every_state_is_told_counted_and_can_be_chosen(admin_client, draft_study):
    researcher = admin_client
    studies.set_protocol(draft_study, {"sessions": 2, "break_minutes": 0})
    draft_study.save()
    studies.open_(draft_study)
    study = draft_study
    made = links.invite(study, 9)
    Client().get(made[1].get_absolute_url())
    sessions.enrol(made[2])
    resting = sessions.enrol(made[3])
    first = Session.objects.filter(rater=resting).order_by("number").first()
    for _ in range(first.trial_set.count()):
        vote(resting)
    finish(made[4])
    sessions.withdraw(sessions.enrol(made[5]), erase=False)
    sessions.withdraw(sessions.enrol(made[6]), erase=True)
    sessions.end(sessions.enrol(made[7]), Rater.Stage.SCREENED_OUT, refusal="vision")
    links.revoke(made[8])
    states = [
        "not-opened", "opened", "rating", "break", "finished", "withdrawn", "deleted",
        "screened-out", "revoked",
    ]  # fmt: skip
    table = _table(researcher)
    assert [row.state for row in table.rows] == states
    assert {name: rows for name, _, rows in table.counts} == dict.fromkeys(
        ["under-way" if state == "rating" else state for state in states], 1
    )
    for number, state in enumerate(states, start=1):
        assert shown(researcher, state="under-way" if state == "rating" else state) == [number]
    assert researcher.get(reverse("raters", args=["small"]), {"state": "x"}).status_code == 404
    assert shown(researcher, state="flagged") == []
    assert "Nobody was found" in page(researcher, state="flagged")


def test_the_position_counts_stabilising_images_and_not_the_calibration(
    admin_client, draft_study, settings, calibration_dir
):
    researcher = admin_client
    settings.CALIBRATION_DIR = calibration_dir
    rules = {"calibrate": True, "first_stabilising": 2, "calibration_examples": 2,
             "calibration_checks": 2, "calibration_errors": 2}  # fmt: skip
    studies.set_protocol(draft_study, rules)
    draft_study.save()
    studies.open_(draft_study)
    _unused, invitation = links.invite(draft_study, 2)
    rater = sessions.enrol(invitation)
    sessions.go_on(rater)
    for _ in range(3):
        vote(rater)
    before, row = _table(researcher).rows
    assert (before.done, before.total) == (0, 8), "what it will be"
    assert (row.said, row.done, row.total) == ("Calibration, 3 of 6", 0, 8)
    for _ in range(3):
        vote(rater)
    rater.refresh_from_db()
    assert rater.stage == Rater.Stage.RATING
    sessions.go_on(rater)
    vote(rater)
    _, row = _table(researcher).rows
    assert (row.said, row.done, row.total) == ("Rating", 1, 8)
    assert "1 of 8" in page(researcher)


def test_the_table_sorts_by_what_it_shows_and_says_which_way(researcher, open_study):
    names = ["Carl", "", "anna", "Bert"]
    made = links.invite(open_study, people=[Person(name) for name in names])
    now = timezone.now()
    for place, ago in ((0, 5), (2, 50)):
        rater = sessions.enrol(made[place])
        Rater.objects.filter(pk=rater.pk).update(position=place, seen_at=now - timedelta(hours=ago))
        Session.objects.filter(rater=rater).update(active_ms=(3 - place) * 60_000)
    assert shown(researcher) == [1, 2, 3, 4]
    assert shown(researcher, sort="-number") == [4, 3, 2, 1]
    assert shown(researcher, sort="name") == [3, 4, 1, 2], "without a name: last"
    assert shown(researcher, sort="position") == [1, 3, 2, 4]
    assert shown(researcher, sort="-position") == [3, 1, 2, 4], "who has none stays last"
    assert shown(researcher, sort="seen") == [3, 1, 2, 4]
    assert shown(researcher, sort="minutes") == [3, 1, 2, 4]
    assert shown(researcher, sort="state") == [2, 4, 1, 3]
    text = page(researcher, sort="-seen", q="a")
    assert 'aria-sort="descending"><a id="sort-seen"' in text
    assert text.count("aria-sort") == 1
    assert "q=a" in re.findall(r'id="sort-name" href="([^"]+)"', text)[0], "the search stays"
    assert researcher.get(reverse("raters", args=["small"]), {"sort": "x"}).status_code == 404


def test_a_rater_is_found_by_number_name_mail_and_code(researcher, open_study):
    people = [Person("Jane Doe", "jd@example.org"), Person("100 % Bert"), Person()]
    made = links.invite(open_study, people=people)
    code = finish(made[2]).completion_code
    for q, found in (
        ("jane", [1]), ("JD@", [1]), ("100 %", [2]), ("2", [2]), ("R003", [3]), ("#3", [3]),
        (code[2:].lower(), [3]), ("nobody", []), ("%", [2]), ("9" * 30, []),
    ):  # fmt: skip
        assert shown(researcher, q=q) == found, q
    assert 'value="jane"' in page(researcher, q="jane")


def test_the_table_pages(researcher, open_study, monkeypatch):
    monkeypatch.setattr(roster, "ON_A_PAGE", 2)
    links.invite(open_study, 5)
    assert shown(researcher) == [1, 2]
    assert shown(researcher, page="3") == [5]
    assert shown(researcher, page="x") == [1, 2]
    text = page(researcher, page="2", sort="-number")
    assert "3 to 4 of 5" in text
    assert 'href="/studies/small/raters/?page=3&amp;sort=-number"' in text
    copied = re.findall(r"(?s)<textarea[^>]*>(.*?)</textarea>", text)[0].split()
    assert len(copied) == 5, "links of all that is chosen, not of the page alone"


def test_a_viewer_sees_how_far_raters_are_and_neither_names_links_nor_codes(
    viewer, researcher, open_study
):
    people = [Person("Jane Doe", "jane@example.org"), Person("Ulf")]
    made = links.invite(open_study, people=people)
    rater = finish(made[0])
    secrets = ["Jane", "Ulf", "jane@example.org", rater.completion_code, *(i.token for i in made)]
    rater_page = reverse("rater", args=["small", 1])
    for client, told in ((researcher, True), (viewer, False)):
        text = page(client)
        assert [secret in text for secret in secrets] == [told] * len(secrets)
        text = client.get(rater_page).content.decode()
        assert ("Jane Doe" in text, rater.completion_code in text) == (told, told)
        assert "6 of 6" in text
    assert "Finished" in page(viewer)
    assert shown(viewer, q="jane") == [], "not by searching either"
    assert shown(viewer, q=rater.completion_code) == []
    assert shown(viewer, q="1") == [1]
    for query in ({"sort": "name"}, {"sort": "-name"}):
        assert viewer.get(reverse("raters", args=["small"]), query).status_code == 404
    assert viewer.get(reverse("raters_csv", args=["small"])).status_code == 403


def test_simulated_raters_are_apart_and_marked(researcher, open_study):
    links.invite(open_study, 1)
    list(rehearsal.rehearse(open_study, raters=2, seed=1))
    text = page(researcher, raters="simulated")
    assert "<strong>Simulated raters.</strong>" in text
    assert text.count('<span class="tag">simulated</span>') == 2
    assert "S001" in text
    assert "data-copies" not in text
    assert 'name="numbers"' not in text
    assert shown(researcher) == [1]
    assert "S001" not in page(researcher)
    taken = researcher.get(reverse("raters_csv", args=["small"]), {"raters": "simulated"})
    assert "SIMULATED" in taken["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(taken.content.decode())))
    assert [(row["rater"], row["simulated"], row["link"]) for row in rows] == [
        ("S001", "True", ""), ("S002", "True", ""),
    ]  # fmt: skip


def test_the_file_has_what_is_chosen_and_taking_it_is_noted(researcher, open_study):
    made = links.invite(open_study, people=[Person("=cmd()", "jane@example.org"), Person("Ulf")])
    rater = finish(made[0])
    address = reverse("raters_csv", args=["small"])
    assert researcher.head(address).status_code == 200
    assert not Deed.objects.filter(kind=Deed.Kind.LISTED).exists()
    content = researcher.get(address, {"state": "finished"}).content.decode()
    (row,) = csv.DictReader(io.StringIO(content))
    assert row | {"last_seen": "", "minutes": ""} == {
        "number": "1", "rater": "R001", "name": "'=cmd()", "mail": "jane@example.org",
        "link": links.link(made[0]), "state": "finished", "position": "6", "total": "6",
        "last_seen": "", "minutes": "", "completion_code": rater.completion_code, "approved": "",
    }  # fmt: skip
    deed = Deed.objects.get(kind=Deed.Kind.LISTED)
    assert deed.details == {"rows": 1, "raters": "people"}
    assert not Deed.objects.looks(open_study).exists(), "it tells no mean"


def test_every_rule_of_the_screening_is_told_in_words_without_figures():
    said = [
        "BT.500: 7.0% of the votes lie outside the others' band",
        "correlation with the others 0.10",
        "straight-lining: variance", "too fast: median answer",
        "anchors: the original gets 2.00 on average, more than one step from 5",
        "anchors: nearest neighbour gets 4.00 on average, more than one step from 1",
    ]  # fmt: skip
    found = flags.in_words(said)
    assert found == list(flags.WORDS.values())
    assert not re.search(r"\d|original|nearest|bicubic", " ".join(found))
    source = Path(screening.__file__).read_text()
    for begins in flags.WORDS:
        assert f'"{begins}' in source, "as the analysis says it"


def test_flags_of_an_open_study_tell_nothing_of_methods(researcher, viewer, open_study):
    for rater in map(sessions.enrol, links.invite(open_study, 3)):
        vote_all(rater, 3)
    assert "no figures were computed yet" in page(researcher)
    computed.make(open_study, kind="people", names=[computed.PAGE])
    told = json.loads(computed.last(open_study, kind="people", name=computed.PAGE).path.read_text())
    reasons = [reason for row in told["raters"] for reason in row["flags"]]
    assert any("the original gets 3.00 on average" in reason for reason in reasons)
    for client in (researcher, viewer):
        for text in (
            page(client),
            client.get(reverse("rater", args=["small", 1])).content.decode(),
        ):
            assert "nearly always the same score" in text
            assert "misjudges images of known quality" in text
            assert "3.00" not in text
            assert not re.search(r"\bnearest\b|\bbicubic\b|original", text, re.IGNORECASE)
    assert "computed from 18 ratings" in page(researcher)
    assert shown(researcher, state="flagged") == [1, 2, 3]
    assert not Deed.objects.looks(open_study).exists()


def test_a_page_that_asks_again_has_the_table_alone_and_newer_flags_now_and_then(
    researcher, open_study
):
    for rater in map(sessions.enrol, links.invite(open_study, 2)):
        vote_all(rater, 3)
    address, asks = reverse("raters", args=["small"]), {"HX-Request": "true"}
    text = researcher.get(address, headers=asks).content.decode()
    assert text.strip().startswith('<div id="roster" hx-get="/studies/small/raters/"')
    assert "computed from 12 ratings" in text
    vote_all(sessions.enrol(links.invite(open_study, 1)[0]), 3)
    text = researcher.get(address, headers=asks).content.decode()
    assert "computed from 12 ratings" in text, "not each time"
    cache.clear()
    assert "computed from 18 ratings" in researcher.get(address, headers=asks).content.decode()
    studies.close(open_study)
    assert "hx-get" not in page(researcher), "nothing changes any more"


def crowd(study: Study, number: int, *, each: int) -> None:
    """Raters with ``each`` trials, half of them answered."""
    stimuli = list(Stimulus.objects.filter(studystimulus__study=study))
    invitations = links.invite(study, number)
    raters = Rater.objects.bulk_create(
        Rater(study=study, invitation=i, number=i.number, position=each // 2) for i in invitations
    )
    rows = Session.objects.bulk_create(
        Session(rater=rater, seed=1, gap=1, started_at=timezone.now()) for rater in raters
    )
    trials = Trial.objects.bulk_create(
        Trial(
            rater=rater, session=session, position=place, stimulus=stimuli[place % len(stimuli)],
            kind=Trial.Kind.STABILISING,
        )
        for rater, session in zip(raters, rows, strict=True)
        for place in range(each)
    )  # fmt: skip
    Rating.objects.bulk_create(
        Rating(trial=trial, score=3, client_id=uuid4())
        for trial in trials
        if trial.position < each // 2
    )


def test_the_number_of_queries_does_not_grow_with_raters_or_trials(researcher, open_study):
    open_study.approves = True
    open_study.save()
    crowd(open_study, 2, each=4)
    address = reverse("raters", args=["small"])
    asks: dict[str, dict] = {"page": {}, "again": {"headers": {"HX-Request": "true"}}}
    cache.set(f"flags-{open_study.pk}-people", True)

    def counted(way: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert researcher.get(address, **asks[way]).status_code == 200
        return len(queries)

    counted("page")  # what is read once for all
    few = {way: counted(way) for way in asks}
    crowd(open_study, 298, each=40)
    assert {way: counted(way) for way in asks} == few
    assert few["page"] <= 15
    assert few["again"] <= 12
    with CaptureQueriesContext(connection) as queries:
        researcher.get(address)
    assert not [q for q in queries if "study_rating" in q["sql"] and "COUNT(" in q["sql"]
                and "approved_at" not in q["sql"]], "no vote is counted for the table"  # fmt: skip


def test_the_table_stays_as_it_was_narrowed_after_a_verb(researcher, open_study):
    links.invite(open_study, 2)
    address, raters = reverse("selected_raters", args=["small"]), reverse("raters", args=["small"])
    sent = {"do": "approve", "numbers": [1], "here": "?state=not-opened&sort=-number"}
    assert researcher.post(address, sent)["Location"] == f"{raters}?state=not-opened&sort=-number"
    sent["here"] = "//example.org/?x"
    assert researcher.post(address, sent)["Location"].startswith(f"{raters}?")


def test_raters_wait_to_be_approved_where_a_study_asks_for_it(researcher, open_study, owner):
    made = links.invite(open_study, 4)
    done, _other = finish(made[0]), finish(made[1])
    sessions.enrol(made[2])
    address = reverse("selected_raters", args=["small"])
    approve = {"do": "approve", "numbers": [1]}
    refused = researcher.post(address, approve, follow=True).content.decode()
    assert "This study does not approve raters" in refused
    switch = reverse("approval", args=["small"])
    for _ in range(2):
        researcher.post(switch, {"approves": "yes"})
    deed = Deed.objects.get(kind=Deed.Kind.CHANGED)
    assert deed.details == {"approves": [False, True]}, "once"
    assert set(Rater.objects.waiting_for_approval()) == {done, _other}
    assert shown(researcher, state="waiting") == [1, 2]

    refused = researcher.post(address, {"do": "approve", "numbers": [1, 3, 4]}, follow=True)
    assert "Nobody was approved: 3, 4 have not finished" in refused.content.decode()
    assert Rater.objects.waiting_for_approval().count() == 2
    researcher.post(address, approve)
    assert list(Rater.objects.waiting_for_approval()) == [_other]
    researcher.post(address, {"do": "take_back", "numbers": [1]})
    told = [deed.details for deed in Deed.objects.filter(kind=Deed.Kind.APPROVED)]
    assert told == [{"numbers": "1"}, {"numbers": "1", "taken_back": True}]
    sessions.withdraw(done, erase=True)
    assert list(Rater.objects.waiting_for_approval()) == [_other]
    researcher.post(switch, {"approves": "no"})
    assert not Rater.objects.waiting_for_approval().exists()


def test_all_without_a_flag_are_those_whose_every_answer_was_judged(researcher, open_study):
    open_study.approves = True
    open_study.save()
    switch = reverse("approval", args=["small"])
    made = links.invite(open_study, 5)
    for number, invitation in enumerate(made[:4]):
        rater = sessions.enrol(invitation)
        for trial in Trial.objects.filter(rater=rater).select_related("stimulus__method"):
            good = {"nearest": 1, "bicubic": 3, "hr": 5}[trial.stimulus.method.name]
            vote(rater, 3 if number == 0 else good)
    researcher.post(switch, {"unflagged": "yes"})
    assert not Rater.objects.exclude(approved_at=None).exists(), "nothing is known yet"
    computed.make(open_study, kind="people", names=[computed.PAGE])
    vote_all(sessions.enrol(made[4]), 3)
    assert roster.waiting_unflagged(open_study) == [2, 3, 4]
    assert "without a flag (3)" in page(researcher)
    researcher.post(switch, {"unflagged": "yes"})
    assert shown(researcher, state="waiting") == [1, 5]


def test_the_data_of_a_rater_is_told_to_the_owner_alone(researcher, viewer, open_study):
    made = links.invite(open_study, 2)
    finish(made[0])
    address = reverse("rater_data", args=["small", 1])
    assert researcher.get(address).status_code == 405
    told = researcher.post(address)
    assert json.loads(told.content)["rater"]["label"] == "R001"
    assert told["Content-Disposition"] == 'attachment; filename="small-R001.json"'
    assert Deed.objects.filter(kind=Deed.Kind.TOLD).count() == 1
    assert researcher.post(reverse("rater_data", args=["small", 2])).status_code == 404
    Member.objects.filter(user__username="owner").update(role=Role.EDITOR)
    for name in ("rater_data", "delete_rater"):
        assert researcher.post(reverse(name, args=["small", 1])).status_code == 403
        assert viewer.post(reverse(name, args=["small", 1])).status_code == 403
    assert (
        "Delete the data"
        not in researcher.get(reverse("rater", args=["small", 1])).content.decode()
    )


def test_the_page_of_a_rater_has_the_way_and_no_score(researcher, open_study):
    rater = sessions.enrol(links.invite(open_study, 1)[0])
    for score in (1, 5, 4):
        vote(rater, score)
    text = researcher.get(reverse("rater", args=["small", 1])).content.decode()
    assert "3 of 6" in text
    assert "Agreed" in text
    assert not re.search(
        r"score|MOS|\bbicubic\b", re.sub(r"this rater’s scores|Opinion scores", "", text)
    )
    assert researcher.get(reverse("rater", args=["small", 2])).status_code == 404
