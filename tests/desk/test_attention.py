"""The start page says what needs somebody: to those who can mend it, until it is mended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from study.desk import attention, claims, links, rehearsal, studies
from study.models import Invitation, Job, Letter, Member, Rater, Role, Stimulus, Study
from study.models.deeds import By
from study.rating import sessions
from tests.rating.way import vote, vote_all


@pytest.fixture
def viewer(open_study) -> User:
    user = User.objects.create_user("viewer")
    Member.objects.create(study=open_study, user=user, role=Role.VIEWER)
    return user


@pytest.fixture
def calm(open_study, owner) -> Study:
    """The study with more links than planned raters, opened today: nothing needs anybody."""
    links.invite(open_study, 27)
    return open_study


def said(user: User, study: Study | None = None) -> list[str]:
    return [item.said for item in attention.items(user, study)]


def days_ago(days: int):
    return timezone.now() - timedelta(days=days)


def test_nothing_needs_anybody_of_a_study_that_goes_well(calm, owner, viewer, outsider):
    vote(sessions.enrol(calm.invitations.first()))
    assert said(owner) == said(viewer) == said(outsider) == []
    client = Client()
    client.force_login(owner)
    page = client.get("/").content.decode()
    assert "Nothing needs attention." in page
    assert "A small study" in page


def test_visitors_see_what_the_site_is(client):
    assert "You were asked to rate images" in client.get("/").content.decode()


def test_a_missing_image_of_an_open_study_is_told_until_it_is_right(calm, owner, viewer):
    stimulus = calm.stimuli.first()
    Stimulus.objects.filter(pk=stimulus.pk).update(fault="The file is missing.")
    (item,) = attention.items(owner)
    assert item.said.startswith("1 image cannot be shown: the file is missing")
    assert (item.slug, item.link) == ("small", reverse("study", args=["small"]))
    assert said(viewer) == [], "who cannot mend it"
    assert said(owner, calm) == [], "its own page has a banner"
    studies.close(calm)
    assert said(owner) == []


def test_a_failed_job_is_told_until_it_is_begun_again(calm, owner, viewer, outsider):
    what = {"raters": 3, "seed": 0}
    job = Job.objects.create(kind="rehearse", study=calm, what=what, state="failed", told="No.")
    (item,) = attention.items(owner)
    assert item.said == "Play simulated raters: it failed. No."
    assert item.link == job.get_absolute_url()
    assert said(viewer) == said(outsider) == []
    assert said(owner, calm) == [item.said]
    again = Job.objects.create(kind="rehearse", study=calm, what=what)
    assert said(owner) == []
    again.delete()
    Job.objects.filter(pk=job.pk).update(asked_at=days_ago(15))
    assert said(owner) == [], "too old"


def test_a_failed_import_is_told_to_whoever_asked_for_it(db, outsider, django_user_model):
    head, other = (
        django_user_model.objects.create_superuser("head"),
        django_user_model.objects.create_user("other"),
    )
    what = {"name": "Mine", "upload": "a" * 22}
    Job.objects.create(kind="add set", what=what, state="failed", asked_by=outsider)
    assert len(said(outsider)) == len(said(head)) == 1
    assert said(other) == []
    brought = {"name": "Mine", "upload": "b" * 22}
    Job.objects.create(kind="add set", what=brought, state="done", asked_by=outsider)
    assert said(outsider) == said(head) == [], "the same set came by another upload"


def test_jobs_that_wait_without_a_worker_are_told_to_superusers(
    calm, owner, django_user_model, settings
):
    head = django_user_model.objects.create_superuser("head")
    job = Job.objects.create(kind="generate", what={"sets": ["Set5"]})
    assert said(head) == [], "it may wait for a minute"
    Job.objects.filter(pk=job.pk).update(asked_at=days_ago(1))
    assert said(head) == [
        "1 job waits, and no worker is there to do it. On the server: manage.py worker."
    ]
    assert said(owner) == []
    claims.show_worker()
    assert said(head) == []


def test_letters_that_failed_or_were_cut_off_are_told(calm, owner, viewer):
    first, second, third = calm.invitations.all()[:3]
    Letter.objects.create(invitation=first, kind="invite", mail="a@b.example", problem="550")
    Letter.objects.create(
        invitation=second, kind="invite", mail="a@b.example", begun_at=days_ago(1)
    )
    Letter.objects.create(invitation=third, kind="invite", mail="a@b.example")
    (item,) = attention.items(owner)
    assert item.said == "2 letters to raters did not go out."
    assert said(viewer) == []
    Letter.objects.update(problem="", begun_at=days_ago(1), sent_at=days_ago(1))
    assert said(owner) == []


def test_raters_wait_to_be_approved_where_a_study_approves(calm, owner, viewer):
    rater = sessions.enrol(calm.invitations.first())
    vote_all(rater)
    list(rehearsal.rehearse(calm, raters=2, seed=0))
    assert said(owner) == []
    Study.objects.update(approves=True)
    assert said(owner) == ["1 rater has finished and waits to be approved."]
    assert said(viewer) == []
    Rater.objects.filter(pk=rater.pk).update(approved_at=timezone.now())
    assert said(owner) == []


def test_a_study_that_reached_its_number_is_to_be_closed(calm, owner, viewer):
    Study.objects.update(planned_raters=1)
    vote_all(sessions.enrol(calm.invitations.first()))
    (item,) = attention.items(owner)
    assert item.said == "1 of 1 planned raters have finished."
    assert item.link == reverse("close_study", args=["small"])
    assert said(viewer) == []
    studies.close(calm)
    assert said(owner) == []


def test_a_study_whose_links_do_not_suffice_needs_more(open_study, owner, viewer):
    Study.objects.update(planned_raters=2)
    assert said(owner) == ["Nobody has a link, and 0 of 2 planned raters have finished."]
    first = links.invite(open_study, 1)[0]
    assert said(owner) == [], "one is out"
    vote_all(sessions.enrol(first))
    assert said(owner) == ["Every link is used, and 1 of 2 planned raters have finished."]
    assert said(viewer) == []
    sessions.enrol(links.invite(open_study, 1)[0])
    assert said(owner) == [], "the last one is under way"


def test_a_study_to_which_nobody_comes_is_told_after_two_weeks(calm, owner, viewer):
    Study.objects.update(opened_at=days_ago(20))
    assert said(owner) == ["Nobody came for 20 days; 27 links are not used yet."]
    assert said(viewer) == []
    rater = sessions.enrol(calm.invitations.first())
    assert said(owner) == []
    Rater.objects.filter(pk=rater.pk).update(enrolled_at=days_ago(40))
    assert said(owner) == ["Nobody came for 20 days; 26 links are not used yet."]


def test_who_stopped_half_way_is_told_for_a_while_unless_reminded(calm, owner, viewer):
    rater = sessions.enrol(calm.invitations.first())
    vote(rater)
    Rater.objects.filter(pk=rater.pk).update(seen_at=days_ago(4))
    assert said(owner) == ["1 rater stopped half way and was not seen for 3 days."]
    assert said(viewer) == []
    letter = Letter.objects.create(
        invitation=rater.invitation, kind="remind", mail="a@b.example", sent_at=timezone.now()
    )
    assert said(owner) == []
    Letter.objects.filter(pk=letter.pk).update(asked_at=days_ago(8))
    assert len(said(owner)) == 1
    Invitation.objects.filter(pk=rater.invitation_id).update(revoked_at=timezone.now())
    assert said(owner) == []
    Invitation.objects.filter(pk=rater.invitation_id).update(revoked_at=None)
    Rater.objects.filter(pk=rater.pk).update(seen_at=days_ago(31))
    assert said(owner) == [], "given up"


def test_a_study_that_is_put_away_needs_nobody(open_study, owner):
    assert said(owner)
    Study.objects.update(put_away_at=timezone.now())
    assert said(owner) == []


def test_many_studies_take_as_many_queries_as_one(calm, owner):
    def queries() -> int:
        client = Client()
        client.force_login(owner)
        client.get("/")
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/").status_code == 200
        return len(asked)

    few = queries()
    for number in range(12):
        study = studies.draft(f"s{number}", title=f"S {number}", source=calm, by=By(owner, "owner"))
        studies.open_(study)
        Job.objects.create(kind="rehearse", study=study, what={}, state="failed")
    assert len(said(owner)) == 24
    assert queries() == few <= 16
    client = Client()
    client.force_login(owner)
    page = client.get("/").content.decode()
    assert "<summary>2 more</summary>" in page


def test_the_page_of_a_study_has_its_own_items_at_its_top(open_study, owner, viewer):
    for user, there in ((owner, True), (viewer, False)):
        client = Client()
        client.force_login(user)
        page = client.get(reverse("study", args=["small"])).content.decode()
        assert ("Nobody has a link" in page) == there
