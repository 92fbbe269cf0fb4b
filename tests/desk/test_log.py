"""The log on its pages: all of it, found, told in words; addresses for those who answer for it."""

from __future__ import annotations

import csv
import io
import json
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from study.desk import archive, drafts, links, logged, members, rehearsal, studies
from study.desk.views import log
from study.models import Deed, Member, Role, Study
from study.models.deeds import By, note
from study.rating import sessions
from tests.rating.way import vote

PAGE = reverse("log", args=["small"])


@pytest.fixture
def by_owner(owner) -> By:
    return By(owner, "owner", "192.0.2.7")


@pytest.fixture
def reader(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def head(db) -> Client:
    """A superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("head"))
    return client


def told(client: Client, address: str = PAGE, **query) -> str:
    return client.get(address, query).content.decode().replace("&#x27;", "'")


def rows(client: Client, address: str, **query) -> list[dict[str, str]]:
    answer = client.get(address, query)
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_settings_are_told_by_their_labels_from_what_to_what(draft_study, owner_of_draft, client):
    changed = {"session_minutes": 25, "retests": 2, "calibrate": False}
    seen = {name: getattr(draft_study, name) for name in changed}
    drafts.change(draft_study, changed, seen=seen, by=By(owner_of_draft, "dora"))
    client.force_login(owner_of_draft)
    page = told(client)
    before = seen["session_minutes"]
    assert f"Longest session: <del>{before}</del> → <ins>25</ins>" in page
    assert "Images shown twice: <del>0</del> → <ins>2</ins>" in page
    assert "session_minutes" not in page


@pytest.fixture
def owner_of_draft(draft_study) -> User:
    user = User.objects.create_user("dora")
    Member.objects.create(study=draft_study, user=user, role=Role.OWNER)
    return user


def test_a_long_text_is_folded_away_and_told_by_what_differs(open_study, by_owner, reader):
    old = "I agree that my answers are kept for ten years, and may stop at any time."
    new = old.replace("ten", "five").replace("kept", "kept <b>")
    note(Deed.Kind.CHANGED, by=by_owner, study=open_study, consent=[old, new])
    page = told(reader)
    assert "<del>ten </del><ins>five </ins>" in page
    assert "<ins>&lt;b&gt; </ins>" in page
    (part,) = logged.parts(Deed.objects.get(kind=Deed.Kind.CHANGED))
    assert part.long
    kept = [piece.text for piece in part.pieces if piece.of != "old"]
    assert "".join(kept) == new
    assert "".join(piece.text for piece in part.pieces if piece.of != "new") == old


def test_every_kind_of_deed_is_told_and_published(open_study, by_owner, reader):
    details = {
        "of": "somebody", "role": ["viewer", "editor"], "numbers": [1, 2], "stimuli": 3, "mos": {
        "nearest": 2.5}, "why": "", "again": False, "researchers": ["a", "b"], "x_y": "z",
    }  # fmt: skip
    for kind in Deed.Kind:
        note(kind, by=by_owner, study=open_study, **details)
    vote(sessions.enrol(links.invite(open_study, 1)[0]))
    page = told(reader)
    for kind in Deed.Kind:
        assert kind.label in page
    assert "Role: <del>viewer</del> → <ins>editor</ins>" in page
    assert "Numbers: 1 to 2" in page
    assert "X y: z" in page
    assert "Because" not in page
    assert b"deeds.csv" in archive.archive(open_study, kind="people")


def test_looks_downloads_and_rehearsals_are_marked(open_study, by_owner, reader):
    studies.look(open_study, by=by_owner)
    studies.look(open_study, by=by_owner, file="results.csv")
    list(rehearsal.rehearse(open_study, raters=1, seed=0, by=by_owner))
    page = told(reader)
    assert page.count('<span class="tag seen">look</span>') == 1
    assert page.count('<span class="tag seen">download</span>') == 1
    assert page.count('<span class="tag">simulated raters</span>') == 1
    found = rows(reader, reverse("log_file", args=["small"]), kind="looks")
    assert [row["deed"] for row in found] == ["Took a file", "Saw results"]


def test_deeds_are_found_by_kind_account_day_and_words(open_study, by_owner, reader, outsider):
    file = reverse("log_file", args=["small"])
    note(Deed.Kind.CHANGED, by=by_owner, study=open_study, institution=["", "Universität"])
    note(Deed.Kind.CHANGED, by=By(outsider, "outsider"), study=open_study, sessions=[None, 2])
    note(Deed.Kind.CHANGED, by=by_owner, study=None, sessions=[None, 2])
    assert len(rows(reader, file)) == Deed.objects.filter(study=open_study).count()
    assert [row["account"] for row in rows(reader, file, kind="changed")] == ["outsider", "owner"]
    assert [row["account"] for row in rows(reader, file, account="outsider")] == ["outsider"]
    assert len(rows(reader, file, q="universität")) == 1 or connection.vendor == "sqlite"
    assert len(rows(reader, file, q="Universität")) == 1
    assert len(rows(reader, file, q="number of sessions")) == 1
    assert len(rows(reader, file, q="changed settings")) == 2
    today = f"{Deed.objects.latest('at').at:%Y-%m-%d}"
    assert len(rows(reader, file, since=today, kind="changed")) == 2
    assert len(rows(reader, file, until=today, kind="changed")) == 2
    assert rows(reader, file, until="2001-01-01") == []
    assert rows(reader, file, since="2999-01-01") == []
    assert "Nothing was found" in told(reader, until="2001-01-01")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"since": "yesterday"}, "From: Enter a valid date."),
        ({"kind": "murder"}, "What: Select a valid choice."),
        ({"q": "a" * 201}, "Words: Ensure this value has at most 200 characters"),
    ],
)
def test_what_cannot_be_looked_for_is_said(open_study, reader, query, said):
    for address in (PAGE, reverse("log_file", args=["small"])):
        answer = reader.get(address, query)
        assert answer.status_code == 400
        assert said in answer.content.decode()


def test_a_long_log_has_pages_and_as_many_queries(open_study, by_owner, reader, monkeypatch):
    told(reader)
    with CaptureQueriesContext(
        connection,
    ) as few:
        told(reader)
    for number in range(120):
        studies.look(open_study, by=By(None, f"viewer {number}"))
    with CaptureQueriesContext(connection) as many:
        page = told(reader)
    assert len(many) == len(few)
    assert page.count("Saw results") == log.PAGE + 1, "and the choice of kinds"
    assert "Entries 1 to 100 of" in page
    assert "viewer 0<" in told(reader, page="2")
    assert "kind=looked&amp;page=2" in told(reader, kind="looked")


def test_addresses_are_told_to_owners_and_superusers_alone(
    open_study, by_owner, reader, head, outsider
):
    studies.look(open_study, by=by_owner)
    file = reverse("log_file", args=["small"])
    for client in (reader, head):
        assert "192.0.2.7" in told(client)
        assert "192.0.2.7" in client.get(file).content.decode()
        assert len(rows(client, file, q="192.0.2.7")) == 1
    other = Client()
    other.force_login(outsider)
    assert other.get(PAGE).status_code == 404
    for role in (Role.VIEWER, Role.EDITOR):
        Member.objects.update_or_create(study=open_study, user=outsider, defaults={"role": role})
        assert "192.0.2.7" not in told(other)
        assert "192.0.2.7" not in other.get(file).content.decode()
        assert rows(other, file, q="192.0.2.7") == [], "nor found by it"


def test_the_whole_log_is_for_superusers_and_outlives_its_studies(
    open_study, by_owner, reader, head
):
    address, file = reverse("whole_log"), reverse("whole_log_file")
    for there in (address, file):
        assert reader.get(there).status_code == 403
        assert Client().get(there).status_code == 302
    draft = studies.draft("gone", title="Gone", by=by_owner)
    note(Deed.Kind.DELETED, by=by_owner, study=draft, title="Gone")
    Study.objects.filter(pk=draft.pk).delete()
    note(Deed.Kind.REFUSED, by=By(None, "mallory", "203.0.113.0"))
    page = told(head, address)
    assert "mallory" in page
    assert "203.0.113.0" in page
    assert '<option value="mallory">' not in page
    found = rows(head, file, q="gone")
    assert {row["study"] for row in found} == {"gone"}
    assert found[0]["deed"] == "Deleted the study"
    with CaptureQueriesContext(connection) as few:
        told(head, address)
    for number in range(5):
        studies.draft(f"more{number}", title="More", by=by_owner)
    with CaptureQueriesContext(connection) as many:
        told(head, address)
    assert len(many) == len(few)


def test_the_archive_names_nobody_who_was_given_a_role_or_had_an_account(
    open_study, by_owner, outsider
):
    members.add(open_study, "outsider", Role.VIEWER, by=by_owner)
    gone = User.objects.create_user("ghost")
    members.add(open_study, "ghost", Role.EDITOR, by=by_owner)
    members.remove(open_study, "ghost", by=by_owner)
    gone.delete()
    vote(sessions.enrol(links.invite(open_study, 1, by=by_owner)[0]))
    with ZipFile(io.BytesIO(archive.archive(open_study, kind="people"))) as unpacked:
        told_of = unpacked.read("deeds.csv").decode()
    for name in ("outsider", "ghost", "192.0.2"):
        assert name not in told_of
    shared = [
        json.loads(row["details"])
        for row in csv.DictReader(io.StringIO(told_of))
        if row["deed"] == "shared"
    ]
    assert shared == [
        {"of": "an account", "role": ["nobody", "viewer"]},
        {"of": "an account", "role": ["nobody", "editor"]},
        {"of": "an account", "role": ["editor", "nobody"]},
    ]


def test_a_day_after_which_there_is_none_is_refused_in_a_sentence(client, open_study, owner):
    client.force_login(owner)
    answer = client.get(PAGE, {"until": "9999-12-31"})
    assert answer.status_code == 400
    assert "To: " in answer.content.decode()


def test_a_text_of_one_word_keeps_no_reader_of_the_log_waiting():
    old, new = "a " * 4900, "b a " * 2400
    assert [piece.of for piece in logged.Part("Consent", new, old).pieces] == ["old", "new"]
    old = " ".join(map(str, range(3000)))
    pieces = logged.Part("Consent", old.replace(" 1500 ", " x "), old).pieces
    assert [piece.of for piece in pieces] == ["both", "old", "new", "both"], (
        "of a usual text, words"
    )
