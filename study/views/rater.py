"""What a rater's browser gets. No response here says by which method an image was made."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from study import sessions
from study.access import for_rater, invitation_of, rater_of, remember
from study.forms import VoteForm
from study.models import Invitation, Rater, Rating, Study, Trial
from study.ratings import Refused, cast

SECONDS_PER_VOTE = 6
"""For the estimate on the first page: 5 to 7 s were measured in published browser studies."""


@require_safe
@never_cache
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """The personal link: exchanged for a session cookie, then a clean address."""
    invitation = Invitation.objects.filter(token=token).first()
    if invitation is None:
        return render(request, "study/rater/no_link.html", status=404)
    if invitation.revoked_at is not None:
        return render(request, "study/rater/revoked.html", status=410)
    remember(request, invitation)
    if request.method == "GET":
        Invitation.objects.filter(pk=invitation.pk, opened_at=None).update(opened_at=timezone.now())
    return redirect("rate")


@require_safe
@never_cache
def rate(request: HttpRequest) -> HttpResponse:
    """The page that is due to this rater, whichever it is."""
    invitation = invitation_of(request)
    if invitation is None:
        return render(request, "study/rater/no_link.html", status=403)
    if invitation.revoked_at is not None:
        return render(request, "study/rater/revoked.html", status=410)
    study, rater = invitation.study, rater_of(invitation)
    total = _total(study, rater)
    context = {"study": study, "total": total, "scale": Rating.Score.choices}
    if rater is not None and rater.finished_at is not None:
        return render(request, "study/rater/done.html", context)
    if study.state != Study.State.OPEN:
        return render(request, "study/rater/closed.html", context, status=403)
    if rater is None:
        context["minutes"] = max(1, round(total * SECONDS_PER_VOTE / 60))
        return render(request, "study/rater/instructions.html", context)
    return render(request, "study/rater/rate.html", {**context, "state": _state(rater)})


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Enrol: the instructions were read. Whatever is wrong, the page that is due says it."""
    invitation = invitation_of(request)
    if invitation and not invitation.revoked_at and invitation.study.state == Study.State.OPEN:
        sessions.enrol(invitation)
    return redirect("rate")


@require_GET
@never_cache
@for_rater
def upcoming(request: HttpRequest, rater: Rater) -> HttpResponse:
    """Where the rater stands and the next few trials."""
    return JsonResponse(_state(rater))


@require_POST
@never_cache
@for_rater
def vote(request: HttpRequest, rater: Rater) -> HttpResponse:
    """Store one vote. The answer always carries the rating that is stored."""
    try:
        form = VoteForm.of(request)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
    if not form.is_valid():
        return JsonResponse({"error": form.problem()}, status=400)
    data = form.cleaned_data
    try:
        rating = cast(
            rater,
            token=data["trial"],
            score=data["score"],
            client_id=data["id"],
            viewing=form.viewing(request),
        )
    except Refused as refusal:
        due = _state(rater) if refusal.status == 409 else {}
        return JsonResponse({"error": str(refusal), **due}, status=refusal.status)
    stored = {"trial": data["trial"], "score": rating.score, "id": str(rating.client_id)}
    return JsonResponse({"rating": stored, **_state(rater)})


@require_safe
@cache_control(private=True, max_age=86400, immutable=True)
@for_rater
def image(request: HttpRequest, rater: Rater, token: str) -> HttpResponse:
    """The image of one of this rater's trials, as far as the plan has been uncovered."""
    trial = Trial.objects.select_related("stimulus").filter(rater=rater, token=token).first()
    if trial is None or trial.position >= rater.position + sessions.AHEAD:
        raise Http404
    return HttpResponse(trial.stimulus.path.read_bytes(), content_type="image/png")


def _total(study: Study, rater: Rater | None) -> int:
    return rater.trial_set.count() if rater else study.stimuli.count()


def _state(rater: Rater) -> dict[str, object]:
    rater.refresh_from_db(fields=["position"])
    trials = Trial.objects.upcoming(rater, sessions.AHEAD)
    return {
        "position": rater.position,
        "total": _total(rater.study, rater),
        "trials": [
            {
                "position": trial.position,
                "token": trial.token,
                "image": f"/rate/image/{trial.token}",
                "width": trial.stimulus.width,
                "height": trial.stimulus.height,
            }
            for trial in trials
        ],
    }
