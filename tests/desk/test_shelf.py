"""Studies out of the way: put away and brought back, and deleted while no person has rated."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db.models.signals import post_init, pre_delete
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from study.desk import links, rehearsal, shelf, studies
from study.models import Deed, Invitation, Job, Letter, Rater, Rating, Stimulus, Study, Trial
from study.rating import sessions
from study.site import computed
from tests.rating.way import vote

SURE = {"sure": "yes"}


@pytest.fixture
def researcher(open_study) -> Client:
    user = User.objects.create_user("anna", password="x")
    open_study.researchers.add(user)
    client = Client()
    client.force_login(user)
    return client


def post(client: Client, name: str, **sent: str) -> str:
    return client.post(reverse(name, args=["small"]), sent, follow=True).content.decode()


def test_a_study_put_away_is_in_a_list_of_its_own_and_comes_back(researcher, open_study):
    assert "is open; close it before it is put away" in post(researcher, "put_away")
    studies.close(open_study)
    before = Study.objects.values().get()
    listed = post(researcher, "put_away")
    assert "A small study is put away." in listed
    assert "1 put away" in listed
    assert reverse("study", args=["small"]) not in listed
    assert Study.objects.values().get() == before | {"put_away_at": Study.objects.get().put_away_at}
    away = researcher.get(reverse("studies"), {"away": "1"}).content.decode()
    assert reverse("study", args=["small"]) in away
    assert (
        "This study is put away" in researcher.get(open_study.get_absolute_url()).content.decode()
    )
    post(researcher, "bring_back")
    assert Study.objects.values().get() == before
    assert reverse("study", args=["small"]) in researcher.get(reverse("studies")).content.decode()
    kinds = [Deed.Kind.PUT_AWAY, Deed.Kind.BROUGHT_BACK]
    assert [deed.kind for deed in open_study.deeds.filter(kind__in=kinds)] == kinds


def test_a_study_that_is_opened_again_is_in_the_list(open_study):
    studies.close(open_study)
    shelf.put_away(open_study)
    studies.open_(open_study)
    assert Study.objects.get().put_away_at is None


def test_a_rehearsed_study_goes_with_its_simulated_raters_and_its_files(researcher, open_study):
    list(rehearsal.rehearse(open_study, raters=2, seed=1))
    begun = sessions.enrol(links.invite(open_study, 2)[0])  # a person who has answered nothing
    assert Trial.objects.filter(rater=begun).exists()
    Letter.objects.create(
        invitation=begun.invitation, kind=Letter.Kind.INVITE, sent_at=timezone.now()
    )
    folder = computed.folder(open_study.pk) / "simulated" / "mark"
    folder.mkdir(parents=True)
    (folder / "page.json").write_text("{}")
    files = [each.path for each in open_study.stimuli.all()]
    assert "is open; close it before it is deleted" in post(researcher, "delete_study", **SURE)
    studies.close(open_study)
    page = researcher.get(reverse("delete_study", args=["small"])).content.decode()
    assert "Delete ‘A small study’" in page
    assert "2 simulated raters" in page
    assert "1 person has agreed to take part" in page
    assert "1 letter was sent: the link in it leads nowhere then" in page
    unsure = researcher.post(reverse("delete_study", args=["small"]))
    assert unsure.status_code == 400
    assert Study.objects.exists()
    assert "A small study is deleted." in post(researcher, "delete_study", **SURE)
    for model in (Study, Rater, Trial, Rating, Invitation):
        assert not model.objects.exists(), model
    assert not folder.parent.parent.exists()
    assert Stimulus.objects.exists()
    assert all(path.is_file() for path in files)
    deed = Deed.objects.get(kind=Deed.Kind.DELETED)
    assert (deed.about, deed.study, deed.account) == ("small", None, "anna")
    assert Deed.objects.filter(kind=Deed.Kind.OPENED, about="small").exists()


def test_a_draft_is_deleted(draft_study):
    links.invite(draft_study, 1)
    shelf.delete(draft_study)
    assert not Study.objects.exists()


def test_what_is_done_to_a_study_that_somebody_deletes_meanwhile_finds_none(draft_study):
    user = User.objects.create_user("anna", password="x")
    draft_study.researchers.add(user)
    anna = Client(raise_request_exception=False)
    anna.force_login(user)

    def delete(instance: Study, **_: object) -> None:
        post_init.disconnect(delete, sender=Study)
        Study.objects.filter(pk=instance.pk).delete()

    post_init.connect(delete, sender=Study)  # once the page has found it
    answer = anna.post(reverse("put_away", args=["small"]))
    assert answer.status_code == 404


@pytest.mark.parametrize("state", [Job.State.WAITING, Job.State.DONE])
def test_a_draft_that_is_deleted_in_the_admin_takes_its_jobs_and_links_along(
    draft_study, admin_client, state
):
    job = Job.objects.create(kind=Job.Kind.MEASURE, study=draft_study, state=state)
    links.invite(draft_study, 1)
    address = reverse("admin:study_study_delete", args=[draft_study.pk])
    assert "Delet" in admin_client.get(address).content.decode()
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert not Study.objects.filter(pk=draft_study.pk).exists()
    assert not Job.objects.filter(pk=job.pk).exists()


def test_a_draft_whose_job_runs_is_not_deleted_in_the_admin_either(draft_study, admin_client):
    Job.objects.create(kind=Job.Kind.MEASURE, study=draft_study, state=Job.State.RUNNING)
    address = reverse("admin:study_study_delete", args=[draft_study.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("erased", [False, True])
def test_where_a_person_has_rated_nothing_is_deleted(researcher, open_study, rater, erased):
    list(rehearsal.rehearse(open_study, raters=1, seed=1))
    vote(rater, 3)
    if erased:
        sessions.withdraw(rater, erase=True)
    studies.close(open_study)
    before = Rating.objects.count()
    assert "people have rated in A small study" in post(researcher, "delete_study", **SURE)
    with pytest.raises(ValueError, match="can be put away"):
        shelf.delete(open_study)
    assert Rating.objects.count() == before
    page = researcher.get(open_study.get_absolute_url()).content.decode()
    assert reverse("delete_study", args=["small"]) not in page
    assert "It cannot be deleted" in page


def test_a_study_that_is_worked_on_is_kept(draft_study):
    Job.objects.create(kind=Job.Kind.REHEARSE, study=draft_study, state=Job.State.RUNNING)
    with pytest.raises(ValueError, match="work on A small study is going on"):
        shelf.delete(draft_study)
    assert Study.objects.exists()


def test_a_study_that_is_opened_again_meanwhile_is_kept(open_study):
    list(rehearsal.rehearse(open_study, raters=1, seed=1))
    studies.close(open_study)

    def open_again(**_: object) -> None:
        studies.open_(Study.objects.get())

    pre_delete.connect(open_again, sender=Rater)
    try:
        with pytest.raises(ValueError, match="is open"):
            shelf.delete(open_study)
    finally:
        pre_delete.disconnect(open_again, sender=Rater)
    assert Study.objects.get().state == Study.State.OPEN
    assert not Deed.objects.filter(kind=Deed.Kind.DELETED).exists()
