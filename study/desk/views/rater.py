"""One rater of a study: what is known, the link, and what the law grants: data told or deleted."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from study.desk import links, raters, roster
from study.desk.results import REFUSALS
from study.models import Invitation, Rater, Rating, Right, Study
from study.site.access import by, rater_of, study_for

ASKED = ["GET", "HEAD", "POST"]


@require_http_methods(ASKED)
@login_required
def rater(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """All that is known of one rater, without any score; and another name or mail address."""
    changes = request.method == "POST"
    study, invitation = _link(request, slug, number, Right.INVITE if changes else Right.SEE)
    if not changes:
        return _page(request, study, invitation)
    name, mail = request.POST.get("name", ""), request.POST.get("mail", "")
    try:
        changed = links.rename(invitation, name=name, mail=mail, by=by(request))
    except ValueError as error:
        typed = {"name": name, "mail": mail, "problem": f"Nothing was stored: {error}."}
        return _page(request, study, invitation, status=400, **typed)
    if changed:
        messages.success(request, f"Name and mail address of link {number} are stored.")
    return redirect("rater", slug, number)


def _link(request: HttpRequest, slug: str, number: int, right: Right) -> tuple[Study, Invitation]:
    study = study_for(request, slug, right)
    found = study.invitations.select_related("rater__consent", "replaces", "replaced_by")
    return study, get_object_or_404(found, number=number)


def _page(
    request: HttpRequest, study: Study, invitation: Invitation, *, status: int = 200, **more: Any
) -> HttpResponse:
    somebody, named = rater_of(invitation), Right.INVITE in study.rights
    context: dict[str, Any] = {
        "study": study,
        "invitation": invitation,
        "rater": somebody,
        "row": roster.one(study, invitation.number, named=named),
        "deeds": raters.deeds(study, rater=somebody, invitation=invitation),
        "letters": invitation.letters.all() if named else [],
        "name": invitation.name,
        "mail": invitation.mail,
        "after": getattr(invitation, "replaced_by", None),
    }
    if somebody is not None:
        context["sessions"] = somebody.session_set.filter(calibration=False)
        context["calibrations"] = somebody.session_set.filter(calibration=True)
        context["attempts"] = [
            (attempt.created_at, REFUSALS.get(attempt.refusal, attempt.refusal))
            if attempt.refusal else (attempt.created_at, "")
            for attempt in somebody.screening_set.all()
        ]  # fmt: skip
        if somebody.stage == Rater.Stage.SCREENED_OUT:
            context["refused"] = REFUSALS.get(somebody.refusal, somebody.refusal)
    return render(request, "study/desk/rater.html", context | more, status=status)


@require_http_methods(ASKED)
@login_required
def revoke(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """What revoking a link does; and the revoking."""
    study, invitation = _link(request, slug, number, Right.INVITE)
    problem = _unsure(request)
    if request.method != "POST" or problem:
        return _ask(request, "revoke", study, problem, numbers=[number])
    links.revoke(invitation, by=by(request))
    messages.success(request, f"Link {number} is revoked.")
    return redirect("raters", slug)


@require_http_methods(ASKED)
@login_required
def replace(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """What another link in place of this one means; and the making of it."""
    study, invitation = _link(request, slug, number, Right.INVITE)
    problem = _unsure(request)
    if request.method != "POST" or problem:
        answers = Rating.objects.counted().filter(trial__rater__invitation=invitation).count()
        told = {"invitation": invitation, "answers": answers}
        return _ask(request, "replace", study, problem, **told)
    try:
        made = links.replace(invitation, by=by(request))
    except ValueError as error:
        messages.error(request, f"Nothing was replaced: {error}.")
        return redirect("rater", slug, number)
    messages.success(request, f"Link {number} is revoked; link {made.number} is in its place.")
    return redirect("rater", slug, made.number)


@require_POST
@login_required
def data(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Everything that is stored about one rater, as a file; that it was taken is noted."""
    study, invitation = _link(request, slug, number, Right.ANSWER)
    somebody = _whoever(invitation)
    told = raters.told(raters.get(study, somebody.label), by=by(request))
    response = HttpResponse(told, content_type="application/json")
    name = f"{study.slug}-{somebody.label}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_http_methods(ASKED)
@login_required
def delete(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """What is lost with one rater's data; and the deleting."""
    study, invitation = _link(request, slug, number, Right.ANSWER)
    somebody = _whoever(invitation)
    problem = _unsure(request)
    if request.method != "POST" or problem:
        answers = Rating.objects.filter(trial__rater=somebody).count()
        told = {"invitation": invitation, "rater": somebody, "answers": answers}
        return _ask(request, "delete_rater", study, problem, **told)
    try:
        answers = raters.delete(somebody, by=by(request))
    except ValueError as error:
        messages.error(request, f"Nothing was deleted: {error}.")
    else:
        said = f"{answers} answer{'' if answers == 1 else 's'}"
        messages.success(request, f"All that {somebody.label} did is deleted, {said} in all.")
    return redirect("rater", slug, number)


def _whoever(invitation: Invitation) -> Rater:
    somebody = rater_of(invitation)
    if somebody is None:
        raise Http404(f"Nobody came by link {invitation.number} yet.")
    return somebody


def _unsure(request: HttpRequest) -> str:
    """What to say to whoever has sent the form without its tick."""
    sent = request.method == "POST"
    return "Nothing was done: tick the box first." if sent and "sure" not in request.POST else ""


def _ask(request: HttpRequest, page: str, study: Study, problem: str, **told: Any) -> HttpResponse:
    context = {"study": study, "problem": problem, **told}
    return render(request, f"study/desk/{page}.html", context, status=400 if problem else 200)
