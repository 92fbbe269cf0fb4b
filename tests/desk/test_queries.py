"""No page of a study asks the database more often for more raters, images, links or log entries.

What a page takes is asked for in a number of queries that is written here; `make bench` measures
how long they take. A page that is new has to be given its number.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, reverse

from study.desk import computed, links, rehearsal, studies
from study.desk.urls import urlpatterns
from study.models import Deed, Job, Study, StudyStimulus
from study.models.deeds import By, note
from study.rating import sessions
from tests.rating.way import vote_all

ALLOWED = {
    "study": 32,
    "members": 10,
    "draft": 4,
    "edit": 12,
    "preview": 14,
    "preview_page": 20,
    "study_images": 16,
    "study_image": 8,
    "open_study": 8,
    "close_study": 12,
    "copy_study": 8,
    "delete_study": 10,
    "results": 16,
    "ratings": 16,
    "figure": 16,
    "archive": 20,
    "ready": 24,
    # Pages that watch a study.
    "raters": 24,
    "rater": 24,
    "by_image": 24,
    "compare": 40,
    "log": 12,
    "mail": 24,
    "revoke": 12,
    "replace": 12,
    "delete_rater": 12,
    "raters_csv": 16,
    "one_image": 24,
    "disagreements": 24,
    "study_small": 8,
    "compare_file": 40,
    "log_file": 12,
}
"""Queries of each page below a study's address, sign-in and session among them; GET."""
OTHER = {"studies": 12, "jobs": 10, "home": 16, "docs": 4, "catalogue": 30}
"""Pages of all studies."""
POSTED = {
    "put_away", "bring_back", "invite", "look", "measure", "rehearse", "approval",
    "selected_raters", "rater_data", "mail_again",
}  # fmt: skip
"""Addresses that take forms alone: what they do is measured where it is tested."""
ARGUMENTS: dict[str, list[Any]] = {
    "edit": ["sessions"], "results": ["csv"], "figure": ["distribution", "svg"],
    "ready": [computed.PAGE], "rater": [1], "revoke": [1], "replace": [1], "delete_rater": [2],
    "compare_file": ["csv"],
}  # fmt: skip


def pages() -> set[str]:
    """The names of all addresses below one study."""
    return {
        str(each.name)
        for each in urlpatterns
        if isinstance(each, URLPattern) and str(each.pattern).startswith("studies/<slug:slug>/")
    }


def address(name: str, study: Study) -> str:
    """Where a page of a study is."""
    if name in ("study_image", "study_small"):
        return reverse(name, args=[study.slug, study.stimuli.all()[0].sha256])
    if name == "one_image":
        source = study.stimuli.all()[0].source
        return reverse(name, args=[study.slug]) + f"?image={source.dataset.name}/{source.name}"
    if name in ("compare", "compare_file"):
        return reverse(name, args=[study.slug, *ARGUMENTS.get(name, [])]) + "?with=other"
    if name == "preview_page":
        return reverse(name, args=[study.slug, "en", 1, "welcome"])
    return reverse(name, args=[study.slug, *ARGUMENTS.get(name, [])])


def counted(client: Client, where: str) -> tuple[int, int, list[str]]:
    """Status and number of queries of a page, opened for the second time."""
    client.get(where)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        response = client.get(where)
        response.getvalue()
    return response.status_code, len(captured), [each["sql"] for each in captured]


@pytest.fixture
def small(open_study, owner) -> Study:
    """The small study with two raters, one of whom has finished, and a simulated one."""
    for place, invitation in enumerate(links.invite(open_study, 2)):
        rater = sessions.enrol(invitation)
        if not place:
            vote_all(rater, 4)
    list(rehearsal.rehearse(open_study, raters=1, seed=1))
    other = draft_of(open_study, "other")
    other.researchers.add(owner)
    studies.open_(other)
    Job.objects.create(kind=Job.Kind.ARCHIVE, study=open_study, state=Job.State.DONE)
    note(Deed.Kind.LOOKED, by=By(), study=open_study, ratings=1)
    return open_study


def larger(study: Study) -> None:
    """More of all that a page may list; not of images, of which a study that is open gets none."""
    for place, invitation in enumerate(links.invite(study, 20)):
        rater = sessions.enrol(invitation)
        if place % 2:
            vote_all(rater, 1 + place % 5)
    list(rehearsal.rehearse(study, raters=6, seed=2, replace=True))
    for number in range(15):
        Job.objects.create(kind=Job.Kind.ARCHIVE, study=study, state=Job.State.DONE)
        note(Deed.Kind.LOOKED, by=By(account=f"account {number}"), study=study, ratings=1)


def draft_of(study: Study, slug: str) -> Study:
    return studies.draft(slug, title=slug, source=study, by=By())


@pytest.fixture
def watcher(owner) -> Client:
    client = Client()
    client.force_login(owner)
    for slug in ("small", "other"):
        client.post(reverse("look", args=[slug]))
    return client


def read(client: Client, study: Study) -> dict[str, tuple[int, int, list[str]]]:
    """Each page that is there, with what it takes."""
    there = {name: address(name, study) for name in sorted(pages() & set(ALLOWED))}
    own = {name: counted(client, where) for name, where in there.items()}
    return own | {name: counted(client, reverse(name)) for name in OTHER}


def test_every_page_of_a_study_has_its_number_of_queries():
    known = pages()
    unknown = sorted(name for name in known if name not in ALLOWED and name not in POSTED)
    assert unknown == ["calibration_image"], "but for a picture each has a number in ALLOWED"


def test_no_page_asks_more_of_a_larger_study(small, watcher):
    before = read(watcher, small)
    larger(small)
    after = read(watcher, small)
    for name, (status, queries, said) in after.items():
        assert status in (200, 302), name
        assert queries <= (ALLOWED | OTHER)[name], f"{name}: {queries}\n" + "\n".join(said)
        grown = queries - before[name][1]
        assert grown <= 0, f"{name}: {before[name][1]}, then {queries}\n" + "\n".join(said)


def test_no_page_of_a_draft_asks_more_for_more_images(draft_study, django_user_model):
    owner = django_user_model.objects.create_user("owner")
    draft_study.researchers.add(owner)
    client = Client()
    client.force_login(owner)
    whole = set(draft_study.stimuli.values_list("pk", flat=True))
    kept = set(sorted(whole)[:2])
    draft_study.studystimulus_set.exclude(stimulus__in=kept).delete()
    before = read(client, draft_study)
    StudyStimulus.objects.bulk_create(
        StudyStimulus(study=draft_study, stimulus_id=pk) for pk in whole - kept
    )
    for name, (_, queries, said) in read(client, draft_study).items():
        assert queries <= before[name][1], f"{name}: {before[name][1]}\n" + "\n".join(said)
