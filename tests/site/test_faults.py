"""A database that cannot be used for a while is used again after, and nobody is told a lie."""

from __future__ import annotations

import http.client
import json
import logging
import resource
import sqlite3
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse

from study.models import Rating, Trial
from study.site import faults
from tests.rating.way import fetched
from tests.serving import Server, headers_of, our_site, served

REQUESTS = 30
"""Enough for every thread of every worker to have one."""


@pytest.fixture
def server(transactional_db, open_study) -> Iterator[Server]:
    with served("study.wsgi", our_site()) as running:
        yield running


@pytest.fixture
def voter(server, rater) -> dict[str, str]:
    """What the rater's browser sends with a vote."""
    fetched(rater)
    return headers_of(rater.invitation)


def ask(
    server: Server, path: str, headers: Mapping[str, str], vote: dict[str, Any] | None = None
) -> tuple[int, http.client.HTTPMessage, str]:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = None if vote is None else json.dumps(vote)
    client.request("POST" if body else "GET", path, body, dict(headers))
    answer = client.getresponse()
    return answer.status, answer.headers, answer.read().decode()


def vote_on(trial: Trial) -> dict[str, Any]:
    return {"trial": trial.token, "score": 3, "id": str(uuid.uuid4()), "response_ms": 500}


def writes(server: Server, headers: Mapping[str, str], trial: Trial) -> set[int]:
    """The answers to a vote that is sent by so many connections as there are threads."""
    return {ask(server, "/rate/vote", headers, vote_on(trial))[0] for _ in range(REQUESTS)}


def posted(client: Client, trial: Trial) -> tuple[int, dict[str, Any]]:
    answer = client.post("/rate/vote", vote_on(trial), content_type="application/json")
    return answer.status_code, answer.json()


@pytest.fixture
def visitor(transactional_db, rater) -> Client:
    """The rater's, which sees what a server would answer."""
    fetched(rater)
    client = Client(raise_request_exception=False)
    client.get(rater.invitation.get_absolute_url())
    return client


def test_a_connection_that_became_read_only_is_used_once_and_no_more(visitor, trials):
    """SQLite opens a file that it may not write for reading, and the connection stays so."""
    connection.cursor().execute("PRAGMA query_only = ON")
    status, told = posted(visitor, trials[0])
    assert (status, "trials" in told, "cannot store" in told["error"]) == (503, False, True)
    assert posted(visitor, trials[0])[0] == 200


def test_the_log_has_one_line_of_a_fault(visitor, trials):
    (console,) = [each for each in logging.getLogger().handlers if each.name == "console"]
    connection.cursor().execute("PRAGMA query_only = ON")
    before = console.setStream(told := StringIO())
    posted(visitor, trials[0])
    console.setStream(before)
    (line,) = told.getvalue().splitlines()
    assert line.endswith("Unavailable: /rate/vote: attempt to write a readonly database")


def test_a_session_that_cannot_be_stored_is_no_fault_of_the_browsers(visitor, rater):
    connection.cursor().execute("PRAGMA query_only = ON")
    answer = visitor.get(rater.invitation.get_absolute_url(), headers={"Accept-Language": "de"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "Bitte kommen Sie in einer Minute wieder" in answer.content.decode()
    assert visitor.get(rater.invitation.get_absolute_url()).status_code == 302


def test_a_lock_that_is_not_given_back_is_told_and_waited_for_again(visitor, trials):
    connection.cursor().execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as other:
        other.execute("BEGIN IMMEDIATE")
        assert posted(visitor, trials[0])[0] == 503
    assert posted(visitor, trials[0])[0] == 200


def test_a_database_that_cannot_be_opened_is_told(visitor, trials, settings, tmp_path):
    connection.close()
    right = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = tmp_path / "nowhere" / "study.sqlite3"
    try:
        assert posted(visitor, trials[0])[0] == 503
        page = visitor.get(reverse("rate"))
        assert (page.status_code, page["Cache-Control"]) == (503, "private, no-store")
    finally:
        connection.settings_dict["NAME"] = right
    assert posted(visitor, trials[0])[0] == 200


def test_a_fault_in_the_code_is_none_of_the_database(transactional_db):
    for wrong in ("SELECT nothing FROM nowhere", "SELECT"):
        with pytest.raises(DatabaseError) as told:
            connection.cursor().execute(wrong)
        assert faults.fault(told.value) is None


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_on_a_full_disk_votes_are_refused_with_503_and_taken_when_there_is_room(
    server, voter, trials
):
    def room(limit: int) -> None:
        for pid in server.workers():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    room(0)
    status, headers, text = ask(server, "/rate/vote", voter, vote_on(trials[0]))
    assert (status, headers["Retry-After"]) == (503, "10")
    assert "cannot store" in json.loads(text)["error"]
    assert writes(server, voter, trials[0]) == {503}
    assert ask(server, "/rate/next", voter)[0] == 200
    room(resource.RLIM_INFINITY)
    assert writes(server, voter, trials[0]) == {200}
    assert Rating.objects.count() == 1
