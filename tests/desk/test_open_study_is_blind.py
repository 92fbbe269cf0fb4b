"""How people rate an open study is told to nobody who does not look, and a look is in the log.

Everything is asked for twice, with other scores in between: an answer that differs in a single
byte, header or status tells something of them, and has to leave a look. That holds for every
address of the access table and for every command, those included that nobody has thought of yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command, get_commands
from django.db import transaction
from django.db.models import F
from django.test import Client
from django.urls import reverse

from study import models
from study.admin.raters import Telling
from study.desk import computed, exports, links, raters, rehearsal, studies
from study.models import Deed, Rater, Rating, Study
from study.models.deeds import By
from study.rating import sessions
from tests.rating.way import vote_all
from tests.site import test_access_table as access

cast = access.cast
ROLES = ("owner", "editor", "viewer", "superuser", "study.*")
VERBS = ("GET", "HEAD", "POST")
TELLING_BY_THEMSELVES = {"/studies/small/look": "POST"}
"""What is a look by its purpose: it leads to the page that shows the means."""


ELSEWHERE = ("/r/", "/rate/", "/logout", "/admin/logout", "/docs/", "/catalogue/uploads/")
"""Raters' own pages, the way out, and what nobody's votes are near; uploads tell the time."""


@pytest.fixture
def blind(cast) -> access.Cast:
    """The cast of the access table, none of whom has looked."""
    for role in models.Role.values:
        client = Client()
        client.force_login(User.objects.get(username=role))
        cast.tokens[role] = access._token(client)
        cast.cookies[role] = client.cookies.output(attrs=[], header="", sep=";").strip()
    return cast


def addresses(cast: access.Cast) -> list[tuple[str, dict[str, Any]]]:
    """Every address of the desk and the admin, with what a form would send there.

    Those of the table, and of files all that there are: the table has one of a kind.
    """
    found: dict[str, dict[str, Any]] = {}
    for pattern in chain(*(row.addresses for row in access.table())):
        if not pattern.startswith(ELSEWHERE):
            for address in access.filled(pattern, cast):
                found[address] = access.body(pattern)
    mark = exports.mark(Study.objects.get(slug="small"), kind="people")
    for name in computed.names():
        found[reverse("ready", args=["small", name])] = {}
    for form in exports.TABLE_FORMATS:
        found[reverse("results", args=["small", form])] = {}
    for name in exports.FIGURES:
        for form in exports.FIGURE_FORMATS:
            found[reverse("figure", args=["small", name, form])] = {}
            found[reverse("figure", args=["small", name, form]) + f"?of={mark}"] = {}
    below = [each for each in found if each.startswith("/studies/small/") and "?" not in each]
    return [*found.items(), *((f"{each}?raters=people", {}) for each in below)]


def askers(address: str, verb: str) -> tuple[str, ...]:
    """Who is worth asking as: outside the studies a verb that changes something tells nothing, and
    at the admin's door who is no staff is sent away.
    """
    ours = address.startswith(("/studies/small/", "/jobs/"))
    path = urlsplit(address).path
    if TELLING_BY_THEMSELVES.get(path) == verb or (verb != "GET" and (not ours or "?" in address)):
        return ()
    return ("superuser", "study.*") if path.startswith("/admin/") else ROLES


def other_scores() -> None:
    """Give every vote another score, with other means; how many there are stays."""
    Rating.objects.update(score=6 - F("score"))
    models.Revision.objects.update(score=6 - F("score"), original_score=6 - F("original_score"))


NOISE = (
    rb"[A-Za-z0-9]{64}",  # tokens of forms
    rb"/catalogue/(bring|uploads)/[^/\"]+",  # signed for a moment
    rb'"at": "[^"]+"',  # when one rater's data was told, which is in them
    rb'data-now="[^"]+"|"now": "[^"]+"',  # from when on the bar tells what has ended
    rb"\d+ [a-z]+ ago|just now",  # when a rater was seen last
)


def told(cast: access.Cast, role: str, verb: str, address: str, data: dict[str, Any]) -> Any:
    """All of an answer, and whether it left a look; undone again."""
    sent: dict[str, Any] = {"HTTP_COOKIE": cast.cookies[role]}
    sent["HTTP_X_CSRFTOKEN"] = cast.tokens[role]
    if verb == "POST" and data:
        sent |= access._encoded(data, cast)
    environ = getattr(access.FACTORY, verb.lower())(address, **sent).environ
    study = Study.objects.get(slug="small")
    newest = max(Deed.objects.values_list("pk", flat=True), default=0)
    with transaction.atomic():
        response = access.SITE(environ)
        later = Deed.objects.filter(pk__gt=newest)
        looked = later.exists() and Deed.objects.looks(study).filter(pk__gt=newest).exists()
        transaction.set_rollback(True)
    content = response.getvalue()
    for noise in NOISE:
        content = re.sub(noise, b"", content)
    headers = {k: v for k, v in response.headers.items() if k not in ("Expires", "Content-Length")}
    return (response.status_code, headers, content), looked


def asked(cast: access.Cast) -> dict[tuple[str, str, str], Any]:
    """What everybody is told at every address."""
    return {
        (role, verb, address): told(cast, role, verb, address, data)
        for address, data in addresses(cast)
        for verb in VERBS
        for role in askers(address, verb)
    }


def test_no_answer_depends_on_scores_without_a_look(blind):
    first = asked(blind)
    other_scores()
    second = asked(blind)
    both = first.keys() & second.keys()
    differ = {where for where in both if first[where][0] != second[where][0]}
    silent = sorted(where for where in differ if not (first[where][1] and second[where][1]))
    assert silent == [], "these tell something of the scores, and nothing is in the log"
    lists = {address for _, _, address in differ}
    assert "/admin/study/rating/" in lists, "what tells scores is seen to tell them"


def test_whoever_has_looked_is_told_as_a_check_of_the_test_above(blind):
    client = Client()
    client.force_login(User.objects.get(username="owner"))
    client.post(reverse("look", args=["small"]))
    blind.cookies["owner"] = client.cookies.output(attrs=[], header="", sep=";").strip()
    where = [
        "/studies/small/",
        "/studies/small/results.csv",
        "/studies/small/figures/distribution.svg",
    ]
    before = [told(blind, "owner", "GET", address, {})[0] for address in where]
    other_scores()
    after = [told(blind, "owner", "GET", address, {})[0] for address in where]
    assert all(a != b for a, b in zip(before, after, strict=True))


def test_a_figure_that_is_opened_by_itself_is_a_look_too(blind):
    study = Study.objects.get(slug="small")
    studies.close(study)
    before = Deed.objects.looks(study).count()
    client = Client()
    client.force_login(User.objects.get(username="viewer"))
    for _ in range(2):
        client.get(reverse("figure", args=["small", "ranks", "svg"]))
    studies.open_(study)
    assert Deed.objects.early_looks(study).count() == before + 1


def test_filters_and_orders_of_other_lists_lead_to_no_score(blind):
    """Whoever may ask for the raters who gave a 5 to a method needs to see no list of ratings."""
    to_ratings = {
        models.Study: "rater__trial__rating__score", models.Rater: "trial__rating__score",
        models.Session: "trial__rating__score", models.Trial: "rating__score",
        models.Stimulus: "trial__rating__score", models.Invitation: "rater__trial__rating__score",
        models.Method: "stimuli__trial__rating__score",
    }  # fmt: skip
    for model, lookup in to_ratings.items():
        assert model.objects.filter(**{f"{lookup}__gt": 0}).exists(), "it is a way, if it is open"
        address = reverse(f"admin:study_{model._meta.model_name}_changelist")
        for query in (f"{lookup}=5", f"{lookup}__gt=3", f"{lookup}__in=4,5"):
            response = told(blind, "superuser", "GET", f"{address}?{query}", {})[0]
            assert response[0] == 400, f"{address}?{query}"
    for model, pages in admin.site._registry.items():
        if not isinstance(pages, Telling) and model._meta.app_label == "study":
            asks = [str(each) for each in (*pages.list_filter, *pages.search_fields)]
            assert not [each for each in asks if "score" in each and model is not models.Anchor]


# ---- Commands ----

PERSON = "R001"
TELLING: dict[str, list[list[str]]] = {
    "results": [["small"], ["small", "--format", "json"], ["small", "--out", "OUT"]],
    "archive": [["small", "--out", "OUT/small.zip"]],
    "compare": [["small", "other"], ["other", "small", "--json"]],
    "export_rater": [["small", PERSON], ["small", PERSON, "--out", "OUT/rater.json"]],
}
"""Commands that tell how people rate, and how they are called."""
QUIET: dict[str, list[list[str]]] = {
    "compute": [["small"]],
    "verify": [[], ["--study", "small"]],
    "catalogue": [[], ["--format", "json"]],
    "quality": [[]],
    "measure": [["small"]],
    "invite": [["small", "1"]],
    "rehearse": [["small", "--raters", "1", "--replace"]],
    "results": [["small", "--raters", "simulated"]],
    "delete_rater": [["small", PERSON]],
    "job": [["JOB"]],
    "close_study": [["small"]],
    "open_study": [["small"]],
}
"""Commands that tell nothing of it, though they read the study."""
NO_STUDY = {
    "add_method", "add_set", "fetch_benchmarks", "generate", "import_measures", "lr",
    "remove_method", "remove_set",  # the catalogue
    "analyse",  # a file that somebody took away before
    "create_study", "first_study", "plan_raters",  # before there is anybody to rate
    "mail_test",  # the mail server
    "chores",  # what is over and nobody needs
    "serve", "worker",  # by pages and by jobs
    "backup", "restore",  # the whole database, as the server's shell has it: docs/security.md
}  # fmt: skip
"""Commands that read no study that is open."""


@pytest.fixture
def voted(open_study) -> Study:
    """A study that a person has rated, and a simulated rater too; another person has begun."""
    vote_all(sessions.enrol(links.invite(open_study, 2)[0]), 4)
    list(rehearsal.rehearse(open_study, raters=1, seed=1))
    models.Job.objects.create(kind=models.Job.Kind.ARCHIVE, study=open_study)
    other = studies.draft("other", title="Other", source=open_study, by=By())
    studies.open_(other)
    vote_all(sessions.enrol(links.invite(other, 1)[0]), 3)
    return open_study


def run(name: str, arguments: list[str], out: Path) -> tuple[str, bool]:
    """All that a command says and writes, and whether it left a look; undone again."""
    job = str(models.Job.objects.get().pk)
    told = [each.replace("OUT", str(out)).replace("JOB", job) for each in arguments]
    said, study = StringIO(), Study.objects.get(slug="small")
    with transaction.atomic():
        before = Deed.objects.looks(study).count()
        try:
            call_command(name, *told, stdout=said, stderr=said)
        except (CommandError, SystemExit) as error:
            said.write(f"{error}")
        looked = Deed.objects.looks(study).count() > before
        transaction.set_rollback(True)
    text = re.sub(r"/r/[\w-]{22}/", "", said.getvalue())
    for path in sorted(out.rglob("*")):
        if path.is_file():
            text += f"{path.name} {path.read_bytes()!r}"
    return text, looked


def outcomes(commands: dict[str, list[list[str]]], folder: Callable[[str], Path]) -> Iterator[Any]:
    for name, calls in commands.items():
        for arguments in calls:
            yield (name, *arguments), run(name, arguments, folder(name))


def test_every_command_is_said_to_tell_scores_or_not_to():
    known = {name for name, app in get_commands().items() if app == "study"}
    assert set(TELLING) | set(QUIET) | NO_STUDY == known, "a new command belongs in one of these"


@pytest.mark.django_db(transaction=False)
def test_a_command_that_tells_scores_leaves_a_look_and_the_others_tell_none(
    voted, tmp_path_factory, settings
):
    def folder(name: str) -> Path:
        return tmp_path_factory.mktemp(name)

    first = dict(outcomes(TELLING, folder)), dict(outcomes(QUIET, folder))
    Rating.objects.filter(trial__rater__simulated=False).update(score=1)
    second = dict(outcomes(TELLING, folder)), dict(outcomes(QUIET, folder))
    for call, (said, looked) in first[0].items():
        assert looked, f"{call} leaves no look"
        assert said != second[0][call][0], f"{call} does not tell scores: is it called rightly?"
    differ = [call for call, (said, _) in first[1].items() if said != second[1][call][0]]
    assert differ == []


def test_one_raters_data_is_a_look_wherever_it_is_told(voted):
    raters.told(Rater.objects.get(study=voted, simulated=False, number=1))
    assert Deed.objects.early_looks(voted).get().kind == Deed.Kind.TOLD
