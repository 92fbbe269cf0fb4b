"""Two studies compared on a page, in files and by a command: each behind its own look, marked."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from study.desk import compared, links, rehearsal, studies
from study.desk.compared import Side
from study.models import Deed, Member, Role, Study, StudyStimulus
from study.models.deeds import By
from study.rating import sessions
from tests.marked import mentions, unmarked
from tests.rating.way import vote_all

PAGE = reverse("compare", args=["small"])


def rated(study: Study, *scores: int) -> None:
    for score in scores:
        vote_all(sessions.enrol(links.invite(study, 1)[0]), score)


@pytest.fixture
def other(open_study, owner) -> Study:
    """The same study with other people, open."""
    copy = studies.draft("other", title="The other study", source=open_study, by=By(owner, "owner"))
    studies.open_(copy)
    return copy


@pytest.fixture
def researcher(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def both(open_study, other) -> tuple[Study, Study]:
    """Two raters in each: 2 and 4, 3 and 5; the first study is closed."""
    rated(open_study, 2, 4)
    rated(other, 3, 5)
    studies.close(open_study)
    return open_study, other


def looks(study: Study) -> list[str]:
    kinds = (Deed.Kind.LOOKED, Deed.Kind.TOOK)
    deeds = study.deeds.filter(kind__in=kinds).order_by("pk")
    return [deed.details.get("file", "page") for deed in deeds]


def address(form: str, **query) -> str:
    return f"{reverse('compare_file', args=['small', form])}?" + "&".join(
        f"{name}={value}" for name, value in query.items()
    )


def test_an_open_studys_means_come_after_a_look_of_its_own(both, researcher):
    small, other = both
    page = researcher.get(f"{PAGE}?with=other").content.decode()
    assert "note that I looked" in page
    assert "MOS in A" not in page
    for form in compared.FORMATS:
        assert researcher.get(address(form, **{"with": "other"})).status_code == 302
    assert (looks(small), looks(other)) == ([], [])
    shown = researcher.post(f"{PAGE}?with=other", follow=True).content.decode()
    assert "MOS in A" in shown
    assert (looks(small), looks(other)) == (["page"], ["page"])
    researcher.get(f"{PAGE}?with=other")
    assert (looks(small), looks(other)) == (["page"], ["page"]), "once in a session"


def test_what_is_taken_away_is_noted_in_both_and_says_what_was_voted(both, researcher):
    small, other = both
    researcher.post(f"{PAGE}?with=other", follow=True)
    answer = researcher.get(address("csv", **{"with": "other"}))
    assert answer["Content-Disposition"] == 'attachment; filename="small-against-other.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [row["method"] for row in rows] == ["nearest", "bicubic", "hr"]
    for row in rows:
        assert (row["mos_a"], row["mos_b"], row["difference"]) == ("3.0", "4.0", "1.0")
        assert (row["images"], row["raters_a"], row["raters_b"]) == ("2", "2", "2")
        assert float(row["p"]) == pytest.approx(0.5528, abs=1e-4)
        assert row["raters_kind"] == "people"
        assert not mentions("a.csv", answer.content)
    found = json.loads(researcher.get(address("json", **{"with": "other"})).content)
    assert found["images"] == {"a": 6, "b": 6, "common": 6, "other": 0, "raters_kind": "people"}
    assert len(found["stimuli"]) == 6
    assert researcher.get(address("svg", **{"with": "other", "inline": 1})).status_code == 200
    assert looks(small) == looks(other) == ["page", "comparison.csv", "comparison.json"]
    assert researcher.get(address("exe", **{"with": "other"})).status_code == 404


def test_only_studies_that_one_may_read_are_offered_and_compared(both, researcher, outsider):
    _, other = both
    assert "The other study" in researcher.get(PAGE).content.decode()
    Member.objects.filter(study=other).delete()
    page = researcher.get(PAGE).content.decode()
    assert "The other study" not in page
    assert "no other study to compare with" in page
    assert researcher.get(f"{PAGE}?with=other").status_code == 404
    assert researcher.post(f"{PAGE}?with=other").status_code == 404
    assert researcher.get(address("csv", **{"with": "other"})).status_code == 404
    assert researcher.get(f"{PAGE}?with=small").status_code == 404
    stranger = Client()
    stranger.force_login(outsider)
    Member.objects.create(study=other, user=outsider, role=Role.VIEWER)
    assert stranger.get(f"{PAGE}?with=other").status_code == 404
    viewed = f"{reverse('compare', args=['other'])}?with=small"
    assert stranger.get(viewed).status_code == 404
    assert stranger.get(reverse("compare", args=["other"])).status_code == 200


def test_with_simulated_raters_everything_says_so(open_study, other, researcher):
    rated(open_study, 2, 4)
    studies.close(open_study)
    list(rehearsal.rehearse(other, raters=3, seed=1))
    query = {"with": "other", "with_raters": "simulated"}
    page = researcher.get(PAGE, query).content.decode()
    assert "Simulated raters.</strong> A program made the ratings of" in page
    assert looks(other) == []
    assert looks(open_study) == ["page"]
    for form in ("csv", "json", "svg"):
        answer = researcher.get(address(form, **query))
        name = answer["Content-Disposition"].split('"')[1]
        assert name == f"SIMULATED-small-against-other.{form}"
        assert unmarked(name, answer.content) == []
    a, b = Side(open_study, "people"), Side(other, "simulated")
    assert compared.to_text(a, b).count("SIMULATED") >= 3
    turned = compared.page(b, a)
    assert turned["simulated"]


def test_one_study_is_compared_with_its_own_rehearsal(open_study, researcher):
    list(rehearsal.rehearse(open_study, raters=2, seed=1))
    rated(open_study, 3)
    studies.close(open_study)
    page = researcher.get(f"{PAGE}?with=small").content.decode()
    assert "no interval and no test" in page
    assert "simulated raters" in page


def test_images_that_only_one_study_shows_are_left_out(both, researcher):
    small, other = both
    kept = StudyStimulus.objects.filter(study=other).order_by("pk")
    gone = kept.first()
    assert gone
    fewer = StudyStimulus.objects.filter(pk=gone.pk)
    fewer.delete()
    found = compared.comparison(Side(small, "people"), Side(other, "people"))
    assert found["images"]["common"] == 5
    assert "5 stimuli that both studies show" in found["notes"][0]


def test_the_command_compares_and_notes_both_looks(both, capsys):
    small, other = both
    call_command("compare", "small", "other")
    told = capsys.readouterr()
    assert "+1.00" in told.out
    assert "other is open: this look" in told.err
    call_command("compare", "small", "other", "--json")
    assert json.loads(capsys.readouterr().out)["raters"]["a"] == 2
    assert looks(small) == looks(other) == ["page", "page"]
    for wrong in (("small", "small"), ("small", "none")):
        with pytest.raises(CommandError):
            call_command("compare", *wrong)
