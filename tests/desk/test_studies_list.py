"""The list of studies: found, sorted, paged, counted without reading the votes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from study.desk import links, rehearsal, studies
from study.models import Study
from study.models.deeds import By
from study.rating import sessions
from tests.rating.way import vote_all

LIST = reverse("studies")


@pytest.fixture
def reader(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def draft(owner, slug: str, title: str = "") -> Study:
    return studies.draft(slug, title=title or slug, by=By(owner, "owner"))


def slugs(client: Client, **query) -> list[str]:
    answer = client.get(LIST, query)
    assert answer.status_code == 200
    return [study.slug for study in answer.context["studies"]]


def test_studies_are_found_by_title_name_and_state(open_study, owner, reader):
    draft(owner, "tiger", "Grüne Wiese")
    draft(owner, "lion")
    assert slugs(reader) == ["lion", "tiger", "small"]
    assert slugs(reader, q="wiese") == ["tiger"]
    assert slugs(reader, q=" TIGER ") == ["tiger"]
    assert slugs(reader, state="draft") == ["lion", "tiger"]
    assert slugs(reader, state="open", q="small") == ["small"]
    page = reader.get(LIST, {"q": "zebra"}).content.decode()
    assert "No study was found" in page
    for bad in ({"state": "burning"}, {"sort": "luck"}):
        answer = reader.get(LIST, bad)
        assert answer.status_code == 400
        assert "Select a valid choice" in answer.content.decode()


def test_studies_are_sorted_and_those_without_a_vote_come_last(open_study, owner, reader):
    draft(owner, "aaa")
    vote_all(sessions.enrol(links.invite(open_study, 1)[0]))
    draft(owner, "zzz")
    assert slugs(reader, sort="title") == ["small", "aaa", "zzz"]
    assert slugs(reader, sort="vote") == ["small", "zzz", "aaa"]
    assert slugs(reader, sort="finished") == ["small", "zzz", "aaa"]


def test_progress_is_that_of_people(open_study, owner, reader):
    vote_all(sessions.enrol(links.invite(open_study, 1)[0]))
    sessions.enrol(links.invite(open_study, 1)[0])
    list(rehearsal.rehearse(open_study, raters=3, seed=1))
    (study,) = reader.get(LIST).context["studies"]
    assert (study.raters, study.finished) == (2, 1)
    assert '<progress max="26" value="1"' in reader.get(LIST).content.decode()


def test_a_long_list_has_pages_and_as_many_queries(open_study, owner, reader):
    slugs(reader)
    with CaptureQueriesContext(connection) as few:
        slugs(reader)
    Study.objects.bulk_create(Study(slug=f"s{n}", title=f"S {n}") for n in range(60))
    for study in Study.objects.exclude(pk=open_study.pk):
        study.researchers.add(owner)
    with CaptureQueriesContext(connection) as many:
        assert len(slugs(reader, sort="title")) == 50
    assert len(many) == len(few)
    assert len(slugs(reader, page="2")) == 11
    page = reader.get(LIST, {"sort": "title"}).content.decode()
    assert "Studies 1 to 50 of 61" in page
    assert "sort=title&amp;page=2" in page


def test_no_vote_is_read_to_count(open_study, owner, reader):
    with CaptureQueriesContext(connection) as asked:
        slugs(reader)
        reader.get("/")
    for query in asked:
        assert "study_rating" not in query["sql"]
        assert "study_trial" not in query["sql"]


def test_those_put_away_are_found_in_their_own_list(open_study, owner, reader):
    gone = draft(owner, "gone")
    draft(owner, "here")
    Study.objects.filter(pk=gone.pk).update(put_away_at=open_study.opened_at)
    assert slugs(reader) == ["here", "small"]
    assert slugs(reader, away="1") == ["gone"]
    assert slugs(reader, away="1", q="here") == []


@pytest.mark.parametrize("address", [LIST, "/"])
def test_whoever_has_no_study_yet_is_told_what_to_begin_with(
    outsider, settings, generated, tmp_path, address
):
    def seen(**what: bool) -> str:
        User.objects.filter(pk=outsider.pk).update(**what)
        return " ".join(client.get(address).content.decode().split())

    client = Client()
    client.force_login(outsider)
    settings.BENCHMARKS_DIR = tmp_path
    page = seen()
    assert "There are none here yet. An administrator brings them in" in page
    assert reverse("people") not in page
    assert reverse("doc", args=["first-study"]) in page
    page = seen(is_superuser=True)
    assert f'{reverse("add", args=["set"])}">Bring in a set of images' in page
    assert f'{reverse("people")}">Make an account' in page
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    assert "Here is Samples." in seen(is_superuser=False)


def test_whose_studies_are_all_put_away_is_led_to_them_from_home(owner, reader, open_study):
    Study.objects.update(put_away_at=open_study.opened_at)
    page = reader.get("/").content.decode()
    assert f'but for 1 <a href="{LIST}?away=1">put away' in page
