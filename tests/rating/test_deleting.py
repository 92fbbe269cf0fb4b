"""A rater can have everything deleted for as long as there is something, and only their own."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from study.desk import links, studies
from study.models import (
    Deed,
    Invitation,
    Rater,
    Rating,
    Revision,
    Screening,
    Session,
    Study,
    Trial,
)
from study.rating import sessions
from tests.rating.way import SCREENS, answers, due, go_on, vote, vote_all

ENDS = ("finished", "withdrawn", "screened out", "revoked", "closed", "still at work")
HELD = (Trial, Session, Screening, Rating, Revision)


def brought_to(end: str, client: Client, rater: Rater) -> None:
    """Some answers, then that end of the way."""
    sight = "not" if end == "screened out" else "plain"
    client.post(reverse("screening"), answers(vision=sight))
    if end != "screened out":
        go_on(client)
        vote(rater)
    if end == "finished":
        vote_all(rater)
    elif end == "withdrawn":
        client.post(reverse("leave"), {"answers": "keep"})
    elif end == "revoked":
        links.revoke(Invitation.objects.get())
    elif end == "closed":
        studies.close(Study.objects.get())


@pytest.mark.parametrize("end", ENDS)
def test_at_every_end_the_page_offers_deletion_and_it_is_done(come, end):
    client = come(**SCREENS)
    client.post(reverse("start"))
    rater = Rater.objects.get()
    brought_to(end, client, rater)
    rater.refresh_from_db()
    code = rater.completion_code
    assert any(model.objects.exists() for model in HELD)
    page = client.get(reverse("rate")).content.decode()
    assert f'href="{reverse("leave")}"' in page
    asked = client.get(reverse("leave"))
    assert 'value="delete"' in asked.content.decode()
    assert any(model.objects.exists() for model in HELD), "asking deletes nothing"

    client.post(reverse("leave"), {"answers": "delete"})
    rater.refresh_from_db()
    assert not any(model.objects.exists() for model in HELD)
    assert (rater.erased, rater.proof, rater.refusal) == (True, None, "")
    assert rater.completion_code == (code or rater.completion_code)
    assert rater.completion_code
    deed = Deed.objects.get(kind=Deed.Kind.ERASED)
    assert (deed.study, deed.account, deed.details["rater"]) == (rater.study, "R001", "R001")

    page = client.get(reverse("rate")).content.decode()
    assert reverse("leave") not in page, "there is nothing left"
    if end != "revoked":
        assert "has been deleted" in page
    assert client.get(reverse("leave"))["Location"] == reverse("rate")
    client.post(reverse("leave"), {"answers": "delete"})
    assert Deed.objects.filter(kind=Deed.Kind.ERASED).count() == 1


def test_a_withdrawn_link_opened_in_a_new_browser_is_proof_enough(rater, trials):
    vote(rater)
    links.revoke(rater.invitation)
    client = Client()
    page = client.get(rater.invitation.get_absolute_url())
    assert (page.status_code, reverse("leave") in page.content.decode()) == (410, True)
    assert client.get(reverse("upcoming")).status_code == 403, "it is good for nothing else"
    assert client.post(reverse("start"))["Location"] == reverse("rate")
    assert due(client) == "revoked"
    assert client.get(reverse("leave")).status_code == 200
    client.post(reverse("leave"), {"answers": "keep"})
    assert Rating.objects.exists(), "what a withdrawn rater can say is that it is to be deleted"
    client.post(reverse("leave"), {"answers": "delete"})
    assert not Rating.objects.exists()
    again = Client().get(rater.invitation.get_absolute_url())
    assert (again.status_code, reverse("leave") in again.content.decode()) == (410, False)


def test_a_withdrawn_link_that_nobody_used_asks_for_no_cookie(invitation):
    links.revoke(invitation)
    client = Client()
    assert client.get(invitation.get_absolute_url()).status_code == 410
    assert not client.cookies
    assert client.post(reverse("leave"), {"answers": "delete"})["Location"] == reverse("rate")


def test_nobody_elses_answers_are_deleted(rater, trials, open_study):
    other = sessions.enrol(links.invite(open_study, 1)[0])
    for someone in (rater, other):
        vote(someone)
    sessions.withdraw(rater, erase=True)
    assert Rating.objects.get().trial.rater == other
    assert Trial.objects.filter(rater=other).count() == len(trials)
    assert not Client().post(reverse("leave"), {"answers": "delete"}).cookies
    assert Rating.objects.count() == 1
