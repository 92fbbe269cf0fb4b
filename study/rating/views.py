"""What a rater's browser gets. No response here says by which method an image was made.

The server holds the position: any address leads to the page that is due. A form sent twice, or to
a page that is not due any more, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from study.models import Invitation, Rater, Rating, Study
from study.rating import pages, plates, screening, sessions, showing, votes
from study.rating.forms import ScreeningForm, Undo, Vote, sent
from study.site.access import for_rater, invitation_of, rater_of, remember
from study.site.language import in_raters_language

P = ParamSpec("P")
RETRY = "5"
"""Seconds after which a browser may ask again for an image that the server cannot show now."""


@require_safe
@never_cache
@in_raters_language
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """The personal link: exchanged for a session cookie, then a clean address."""
    invitation = Invitation.objects.filter(token=token).first()
    if invitation is None:
        return render(request, "study/rating/no_link.html", status=404)
    if invitation.revoked_at is not None:
        if _answers_of(invitation) is not None:
            remember(request, invitation)  # the link is the proof of whose answers they are
        return _revoked(request, invitation)
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
        return _revoked(request, invitation)
    page = pages.due(invitation)
    return render(request, page.path, page.context, status=page.status)


def _revoked(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """That the link was withdrawn; whoever answered anything by it can have that deleted."""
    told = {"rater": _answers_of(invitation)}
    return render(request, "study/rating/revoked.html", told, status=410)


def _answers_of(invitation: Invitation | None) -> Rater | None:
    """The rater of this link, if there is anything of theirs that could be deleted."""
    rater = rater_of(invitation) if invitation else None
    return None if rater is None or rater.erased else rater


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
        return render(request, page.path, page.context, status=400)
    why = screening.screen(rater, form.answers(request, rater.study.plates))
    if why and why not in screening.FOR_GOOD:
        page = pages.screening(rater, refusal=why)
        return render(request, page.path, page.context, status=422)
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
    """Stop for good: the page that asks, and what it asks for; deleting, also after any end."""
    invitation = invitation_of(request)
    rater = _answers_of(invitation)
    if invitation is None or rater is None:
        return redirect("rate")
    over = rater.stage in Rater.ENDED or invitation.revoked_at is not None
    erase = request.POST.get("answers") == "delete"
    if request.method == "POST":
        if erase or not over:
            sessions.withdraw(rater, erase=erase)
        return redirect("rate")
    told = {"rater": rater, "study": rater.study, "over": over}
    return render(request, "study/rating/leave.html", told)


@require_GET
@in_raters_language
@for_rater
def upcoming(request: HttpRequest, rater: Rater) -> HttpResponse:
    """Where the rater stands and the next few trials."""
    return JsonResponse(sessions.standing(rater))


@require_POST
@in_raters_language
@for_rater
def vote(request: HttpRequest, rater: Rater) -> HttpResponse:
    """Store one vote, or that it is taken back or given anew. The answer says what is stored."""
    try:
        given = sent(request)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
    try:
        rating = _stored(rater, given)
    except votes.Refused as refusal:
        due = sessions.standing(rater) if refusal.status == 409 else {}
        return JsonResponse({"error": str(refusal), **due}, status=refusal.status)
    told = {"trial": given.trial, "score": rating.score, "id": str(rating.client_id)}
    return JsonResponse({"rating": told, **sessions.standing(rater)})


def _stored(rater: Rater, given: Vote | Undo) -> Rating:
    if isinstance(given, Undo):
        return votes.take_back(rater, token=given.trial)
    token, score, client_id = given.trial, given.score, given.id
    if given.again:
        return votes.revise(rater, token=token, score=score, client_id=client_id)
    return votes.cast(
        rater,
        token=token,
        score=score,
        client_id=client_id,
        seen=given.viewing,
        waiting=given.waiting,
    )


def _kept_by_browsers(
    seconds: int, **more: bool
) -> Callable[[Callable[P, HttpResponse]], Callable[P, HttpResponse]]:
    """A view whose content a browser may keep so long; where there is none, nothing is kept."""

    def decorator(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
        @wraps(view)
        def inner(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            response = view(*args, **kwargs)
            if response.status_code == 200:
                patch_cache_control(response, private=True, max_age=seconds, **more)
            else:
                add_never_cache_headers(response)
            return response

        return inner

    return decorator


@require_safe
@_kept_by_browsers(86400, immutable=True)
@for_rater
def image(request: HttpRequest, rater: Rater, token: str) -> HttpResponse:
    """The image of one of this rater's trials, as far as the plan has been uncovered."""
    trial = showing.due(rater, token)
    if trial is None:
        raise Http404
    try:
        content = showing.image(trial)
    except showing.Faulty:
        response = HttpResponse(status=503, headers={"Retry-After": RETRY})
        response._has_been_logged = True  # type: ignore[attr-defined]  # by what found it
        return response
    if request.method == "HEAD":
        return HttpResponse(content_type="image/png", headers={"Content-Length": len(content)})
    showing.sent(trial)
    return HttpResponse(content, content_type="image/png")


@require_safe
@_kept_by_browsers(3600)
@for_rater
def plate(request: HttpRequest, rater: Rater, number: int) -> HttpResponse:
    """One of this rater's colour plates; nothing but its dots tells what is in it."""
    own = screening.plates_of(rater)
    due = rater.stage == Rater.Stage.SCREENING and rater.study.state == Study.State.OPEN
    if not due or not 0 <= number < len(own):
        raise Http404
    return HttpResponse(plates.png(own[number]), content_type="image/png")
