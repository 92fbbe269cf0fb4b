"""Lists of the admin read a page of a table, however many rows it has: as many queries, and in each
no more rows than a page has."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import Model
from django.urls import reverse

from study import models
from study.models import Deed, Invitation, Job, Rater, Rating, Session, Stimulus, Study, Trial
from study.site import admin_lists
from tests.rating.way import vote_all
from tests.site.test_access_table import a_row_of_each_model

PAGE = 100
MANY = 105
"""Rows of every table: more than a page has."""


@dataclass
class Read:
    """What was asked of the database: each query, and the rows that it brought."""

    queries: list[tuple[str, int]] = field(default_factory=list)

    @property
    def most(self) -> int:
        """The rows of the query that brought most."""
        return max((rows for _, rows in self.queries), default=0)


@contextmanager
def reading() -> Iterator[Read]:
    """Counts queries and the rows that are fetched from them."""
    read = Read()

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        number = len(read.queries)
        read.queries.append((sql, 0))
        cursor = context["cursor"].cursor  # what Django fetches from

        def counted(rows: Any) -> Any:
            said, before = read.queries[number]
            read.queries[number] = (said, before + (len(rows) if isinstance(rows, list) else 1))
            return rows

        context["cursor"].fetchmany = lambda *size: counted(cursor.fetchmany(*size))
        context["cursor"].fetchall = lambda: counted(cursor.fetchall())
        context["cursor"].fetchone = lambda: counted(cursor.fetchone())
        return result

    with connection.execute_wrapper(wrapper):
        yield read


def registered() -> list[type[Model]]:
    return list(admin.site._registry)


@pytest.fixture
def few(draft_study, admin_client) -> Study:
    """A row of each model, two of most."""
    from study.desk import links, studies
    from study.rating import sessions

    studies.open_(draft_study)
    rater = sessions.enrol(links.invite(draft_study, 1)[0])
    vote_all(rater, 4)
    a_row_of_each_model(rater)
    return draft_study


def many(study: Study) -> None:
    """Adds rows to every table, most of them below the one study."""

    def made(model: type[Any], **each: Any) -> list[Any]:
        rows = [
            model(**{k: v(n) if callable(v) else v for k, v in each.items()}) for n in range(MANY)
        ]
        return model.objects.bulk_create(rows)

    users = made(User, username="account {}".format)
    made(Group, name="group {}".format)
    made(Study, slug="draft-{}".format, title="Draft {}".format)
    made(models.Member, study=study, user=lambda n: users[n])
    sets = made(models.Dataset, name="set{}".format, title="Set {}".format)
    sources = made(models.SourceImage, dataset=lambda n: sets[n], name="image{}".format)
    places = lambda n: 1000 + n  # noqa: E731
    methods = made(models.Method, name="m{}".format, title="Method {}".format, place=places)
    shown = made(
        Stimulus, source=lambda n: sources[n], method=lambda n: methods[n], width=8, height=8,
        sha256="{:064d}".format,
    )  # fmt: skip
    what = {"higher_is_better": True, "decimals": 2, "place": places}
    kinds = made(models.Measure, name="x{}".format, title="X {}".format, **what)
    made(models.StimulusMeasure, stimulus=lambda n: shown[n], measure=lambda n: kinds[n], value=1.0)
    made(
        models.SetMeasure, dataset=lambda n: sets[n], method=lambda n: methods[n], measure=kinds[0],
        value=1.0, stimuli_sha256="0" * 64,
    )  # fmt: skip
    made(models.Anchor, study=study, stimulus=lambda n: shown[n], score=1)
    made(models.Text, sha256="{:064d}".format, language="en", text="Text")
    made(Job, kind=Job.Kind.ARCHIVE, study=study)
    made(Deed, kind=Deed.Kind.INVITED, study=study, about="small", account="somebody")
    invited = made(Invitation, study=study, number=lambda n: 100 + n)
    made(models.Letter, invitation=lambda n: invited[n], kind="invite", mail="a@example.org")
    raters = made(Rater, study=study, number=lambda n: 100 + n, invitation=lambda n: invited[n])
    made(models.Screening, rater=lambda n: raters[n], answers={})
    sat = made(Session, rater=lambda n: raters[n], seed=1, gap=1)
    trials = made(
        Trial, rater=lambda n: raters[n], session=lambda n: sat[n], position=0,
        stimulus=lambda n: shown[n],
    )  # fmt: skip
    own = lambda _: uuid.uuid4()  # noqa: E731
    ratings = made(Rating, trial=lambda n: trials[n], score=lambda n: 1 + n % 5, client_id=own)
    made(
        models.Revision, rating=lambda n: ratings[n], original_score=1, score=2, client_id=own,
        after_ms=900,
    )  # fmt: skip


def ways(client: Any, model: type[Model]) -> dict[str, str]:
    """What a list can be asked for: as it is, its end, each filter, a search, by a column."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    listed = client.get(address).context["cl"]
    found = {"as it is": address, "its end": f"{address}?p={listed.paginator.num_pages}"}
    for spec in listed.filter_specs:
        *_, last = spec.choices(listed)
        found[f"filter {spec.title}"] = address + last["query_string"]
    if listed.search_fields:
        found["search"] = f"{address}?q=e"
    if listed.sortable_by:
        found["by a column"] = f"{address}?o={len(listed.list_display)}"
    return found


def asked(client: Any, model: type[Model]) -> dict[str, Read]:
    """What is read for each way to ask for the list of a model."""
    found = {}
    for way, address in ways(client, model).items():
        with reading() as read:
            assert client.get(address).status_code == 200, address
        found[way] = read
    return found


def test_no_list_asks_more_of_a_larger_table(few, admin_client):
    before = {model: asked(admin_client, model) for model in registered()}
    many(few)
    grown, long = [], []
    for model in registered():
        assert model._default_manager.count() > PAGE, f"make rows of {model} in many()"
        for way, read in asked(admin_client, model).items():
            if way in before[model] and len(read.queries) != len(before[model][way].queries):
                grown.append((model.__name__, way, read.queries))
            if read.most > PAGE:
                long.append((model.__name__, way, max(read.queries, key=lambda q: q[1])))
    assert long == [], "a query brings more rows than a page has"
    assert grown == [], "there are more queries for more rows"


def test_a_row_of_a_large_table_has_a_page_that_loads_no_other_table(few, admin_client):
    many(few)
    long = []
    for model in registered():
        row = model._default_manager.order_by("pk").last()
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        with reading() as read:
            page = admin_client.get(reverse(f"{name}_change", args=[row.pk]))
        assert page.status_code == 200
        offers = model in (User, Group)  # groups and permissions, of which there are few
        if read.most > PAGE and not offers:
            long.append((model.__name__, max(read.queries, key=lambda q: q[1])))
    assert long == []


def test_a_list_says_that_it_does_not_go_to_the_end_and_counts_no_further(
    few, admin_client, monkeypatch
):
    monkeypatch.setattr(admin_lists, "MOST_LISTED", 20)
    many(few)
    page = admin_client.get(reverse("admin:study_trial_changelist"))
    assert page.context["cl"].result_count == 20
    assert "The first 20 rows" in page.content.decode()
    found = admin_client.get(reverse("admin:study_study_changelist"), {"q": "draft-7"}).context[
        "cl"
    ]
    assert found.result_count == 11, "7, and 70 to 79"
