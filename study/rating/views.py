"""What a rater's browser gets. No response here says by which method an image was made.

The server holds the position: any address leads to the page that is due. A form sent twice, or to
a page that is not due any more, changes nothing.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from study.models import Invitation, Rater, Rating, Study, Trial
from study.rating import pages, plates, screening, sessions, votes
from study.rating.forms import ScreeningForm, Vote
from study.site.access import for_rater, invitation_of, rater_of, remember
from study.site.language import in_raters_language


@require_safe
@never_cache
@in_raters_language
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """The personal link: exchanged for a session cookie, then a clean address."""
    invitation = Invitation.objects.filter(token=token).first()
    if invitation is None:
        return render(request, "study/rating/no_link.html", status=404)
    if invitation.revoked_at is not None:
        return render(request, "study/rating/revoked.html", status=410)
    remember(request, invitation)
    if request.method == "GET":
        Invitation.objects.filter(pk=invitation.pk, opened_at=None).update(opened_at=timezone.now())
    return redirect("rate")


@require_safe
@never_cache
@in_raters_language
def rate(request: HttpRequest) -> HttpResponse:
    """The page that is due to this rater, whichever it is."""
    invitation = invitation_of(request)
    if invitation is None:
        return render(request, "study/rating/no_link.html", status=403)
    if invitation.revoked_at is not None:
        return render(request, "study/rating/revoked.html", status=410)
    page = pages.due(invitation)
    return render(request, f"study/rating/{page.template}", page.context, status=page.status)


def _answering(request: HttpRequest) -> tuple[Invitation | None, Rater | None]:
    """Whose form this is: nobody's if it is no form, or the link is of no use."""
    invitation = invitation_of(request)
    if request.method != "POST" or invitation is None or invitation.revoked_at is not None:
        return None, None
    return invitation, rater_of(invitation)


@in_raters_language
def start(request: HttpRequest) -> HttpResponse:
    """Consent, and enrol. Whatever is wrong, the page that is due says it."""
    invitation, _ = _answering(request)
    if invitation and invitation.study.state == Study.State.OPEN:
        sessions.enrol(invitation)
    return redirect("rate")


@never_cache
@in_raters_language
def screen(request: HttpRequest) -> HttpResponse:
    """The answers to the screening; what can be mended is said on the same page."""
    invitation, rater = _answering(request)
    if rater is None or rater.stage != Rater.Stage.SCREENING or not invitation:
        return redirect("rate")
    if invitation.study.state != Study.State.OPEN:
        return redirect("rate")
    form = ScreeningForm(request.POST)
    if not form.is_valid():
        page = pages.screening(rater, incomplete=True)
        return render(request, f"study/rating/{page.template}", page.context, status=400)
    why = screening.screen(rater, form.answers(request, rater.study.plates))
    if why and why not in screening.FOR_GOOD:
        page = pages.screening(rater, refusal=why)
        return render(request, f"study/rating/{page.template}", page.context, status=422)
    return redirect("rate")


@in_raters_language
def begin(request: HttpRequest) -> HttpResponse:
    """On from a page that was read, or from a break."""
    _, rater = _answering(request)
    if rater is not None:
        sessions.go_on(rater)
    return redirect("rate")


@never_cache
@in_raters_language
def leave(request: HttpRequest) -> HttpResponse:
    """Stop for good: the page that asks, and what it asks for."""
    invitation, rater = _answering(request)
    if rater is not None:
        sessions.withdraw(rater, erase=request.POST.get("answers") == "delete")
        return redirect("rate")
    invitation = invitation_of(request)
    rater = rater_of(invitation) if invitation else None
    if invitation is None or invitation.revoked_at is not None or rater is None or rater.erased:
        return redirect("rate")
    return render(request, "study/rating/leave.html", {"rater": rater, "study": rater.study})


@require_GET
@never_cache
@in_raters_language
@for_rater
def upcoming(request: HttpRequest, rater: Rater) -> HttpResponse:
    """Where the rater stands and the next few trials."""
    return JsonResponse(sessions.standing(rater))


@require_POST
@never_cache
@in_raters_language
@for_rater
def vote(request: HttpRequest, rater: Rater) -> HttpResponse:
    """Store one vote, or the revision of the latest. The answer carries what is stored."""
    try:
        given = Vote.of(request)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
    try:
        rating = _stored(rater, given)
    except votes.Refused as refusal:
        due = sessions.standing(rater) if refusal.status == 409 else {}
        return JsonResponse({"error": str(refusal), **due}, status=refusal.status)
    told = {"trial": given.trial, "score": rating.score, "id": str(rating.client_id)}
    return JsonResponse({"rating": told, **sessions.standing(rater)})


def _stored(rater: Rater, given: Vote) -> Rating:
    what: dict[str, Any] = {"token": given.trial, "score": given.score, "client_id": given.id}
    if given.after_ms is not None:
        return votes.revise(rater, **what, after_ms=given.after_ms)
    return votes.cast(rater, **what, viewing=given.viewing, waiting=given.waiting)


@require_safe
@cache_control(private=True, max_age=86400, immutable=True)
@for_rater
def image(request: HttpRequest, rater: Rater, token: str) -> HttpResponse:
    """The image of one of this rater's trials, as far as the plan has been uncovered."""
    found = Trial.objects.select_related("stimulus", "session").filter(rater=rater, token=token)
    trial = found.first()
    if trial is None or trial.session.started_at is None:
        raise Http404
    if trial.position >= rater.position + sessions.AHEAD:
        raise Http404
    return HttpResponse(trial.stimulus.path.read_bytes(), content_type="image/png")


@require_safe
@cache_control(private=True, max_age=3600)
@for_rater
def plate(request: HttpRequest, rater: Rater, number: int) -> HttpResponse:
    """One of this rater's colour plates; nothing but its dots tells what is in it."""
    own = screening.plates_of(rater)
    if rater.stage != Rater.Stage.SCREENING or not 0 <= number < len(own):
        raise Http404
    return HttpResponse(plates.png(own[number]), content_type="image/png")
