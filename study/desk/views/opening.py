"""Opening and closing a study, putting it away, and deleting it: each with a page that asks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from study.desk import checklist, frozen, shelf
from study.desk import studies as verbs
from study.models import Invitation, Rater, Right, Study
from study.site.access import by, study_for

ASKED = ["GET", "HEAD", "POST"]
JUST_NOW = timedelta(minutes=10)
"""Whoever answered so lately may sit in front of an image when a study is closed."""


@require_http_methods(ASKED)
@login_required
def open_study(request: HttpRequest, slug: str) -> HttpResponse:
    """The checklist of a draft, or what opening a closed study again means; and the opening."""
    study = study_for(request, slug, Right.OPEN)
    if study.state == Study.State.OPEN:
        messages.info(request, f"{study.title} is open.")
        return redirect("study", slug)
    if request.method != "POST":
        return _checklist(request, study)
    if problem := _unsure(request) or _barred(study):
        return _checklist(request, study, problem=problem)
    seen = None if study.frozen else _seen(request)
    try:
        verbs.open_(study, by=by(request), seen=seen)
    except frozen.Changed as changed:
        named = checklist.named(study, changed.names)
        problem = f"Changed since you looked: {named}. Nothing was opened; look at it once more."
        return _checklist(request, study, problem=problem, status=409)
    except ValueError as error:
        return _checklist(request, study, problem=f"It could not be opened: {error}.")
    messages.success(
        request, f"{study.title} is open. Make links now, one for each rater, and send them."
    )
    return redirect("study", slug)


def _seen(request: HttpRequest) -> dict[str, str]:
    """The marks of what was looked at, as the form carries them."""
    try:
        seen = json.loads(request.POST.get("seen", ""))
    except (ValueError, RecursionError):
        return {}
    return seen if isinstance(seen, dict) else {}


def _unsure(request: HttpRequest) -> str:
    """What to say to whoever has not ticked the box."""
    return "" if request.POST.get("sure") else "Nothing was done: tick the box first."


def _barred(study: Study) -> str:
    """That a draft cannot be opened as it is; empty if it can."""
    bars = [] if study.frozen else checklist.bars(checklist.points(study, thorough=True))
    return f"Nothing was opened: {bars[0].said}" if bars else ""


def _checklist(
    request: HttpRequest, study: Study, *, problem: str = "", status: int = 400
) -> HttpResponse:
    study.refresh_from_db()
    context: dict[str, Any] = {"study": study, "problem": problem}
    if not study.frozen:
        points = checklist.points(study, thorough=True)
        context |= {
            "points": points,
            "bars": checklist.bars(points),
            "frozen": checklist.FROZEN,
            "seen": json.dumps(frozen.marks(study)),
        }
    return render(request, "study/desk/open.html", context, status=status if problem else 200)


@require_http_methods(ASKED)
@login_required
def close_study(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is half way, and what closing does; and the closing."""
    study = study_for(request, slug, Right.OPEN)
    if study.state != Study.State.OPEN:
        messages.info(request, f"{study.title} is not open.")
        return redirect("study", slug)
    problem = _unsure(request) if request.method == "POST" else ""
    if request.method != "POST" or problem:
        context = {"study": study, "problem": problem, **_half_way(study)}
        return render(request, "study/desk/close.html", context, status=400 if problem else 200)
    verbs.close(study, by=by(request))
    messages.success(request, f"{study.title} is closed. Its results are shown below.")
    return redirect("study", slug)


def _half_way(study: Study) -> dict[str, int]:
    """How many people would be stopped by closing, and how many are through."""
    people = Rater.objects.filter(study=study, simulated=False)
    under_way = people.exclude(stage__in=Rater.ENDED).filter(invitation__revoked_at=None)
    unused = Invitation.objects.filter(study=study, rater=None, revoked_at=None)
    return {
        "half_way": under_way.count(),
        "just_now": under_way.filter(seen_at__gte=timezone.now() - JUST_NOW).count(),
        "minutes": JUST_NOW // timedelta(minutes=1),
        "answered": under_way.filter(trial__rating__isnull=False).distinct().count(),
        "finished": people.filter(stage=Rater.Stage.FINISHED).count(),
        "unused": unused.count(),
    }


@require_POST
@login_required
def put_away(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a study out of the list."""
    study = study_for(request, slug, Right.SHELVE)
    try:
        shelf.put_away(study, by=by(request))
    except ValueError as error:
        messages.error(request, f"{error}.")
        return redirect("study", slug)
    messages.success(request, f"{study.title} is put away.")
    return redirect("studies")


@require_POST
@login_required
def bring_back(request: HttpRequest, slug: str) -> HttpResponse:
    """Put a study back into the list."""
    study = study_for(request, slug, Right.SHELVE)
    shelf.bring_back(study, by=by(request))
    messages.success(request, f"{study.title} is in the list again.")
    return redirect("study", slug)


@require_http_methods(ASKED)
@login_required
def delete_study(request: HttpRequest, slug: str) -> HttpResponse:
    """What is deleted with a study, or why it is kept; and the deleting."""
    study = study_for(request, slug, Right.SHELVE)
    kept = shelf.why_kept(study)
    if kept:
        messages.error(request, f"{kept}.")
        return redirect("study", slug)
    problem = _unsure(request) if request.method == "POST" else ""
    if request.method != "POST" or problem:
        context = {"study": study, "problem": problem, **shelf.goes_along(study)}
        return render(request, "study/desk/delete.html", context, status=400 if problem else 200)
    try:
        shelf.delete(study, by=by(request))
    except ValueError as error:
        messages.error(request, f"{error}.")
        return redirect("study", slug)
    messages.success(request, f"{study.title} is deleted.")
    return redirect("studies")
