"""Long work: what waits, what runs and how far it is, and what became of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from study.desk import claims
from study.desk import jobs as verbs
from study.desk.bringing import FORMS
from study.desk.forms import RehearsalForm
from study.desk.views.bringing import RIGHT
from study.models import Job, Right, Study
from study.models.jobs import JobQuerySet
from study.site.access import by, study_for

ON_A_PAGE = 25
"""Jobs that are over."""


class Filter(forms.Form):
    """Which of the jobs that are over are listed."""

    study = forms.CharField(required=False, max_length=200)
    state = forms.ChoiceField(
        required=False, choices=[("", "Any"), *((each.value, each.label) for each in Job.OVER)]
    )
    mine = forms.BooleanField(required=False)


@require_safe
@login_required
def jobs(request: HttpRequest) -> HttpResponse:
    """What is due, and then what is over, the latest first."""
    rows = Job.objects.visible_to(request.user).select_related("study", "asked_by")
    due, wanted = [_with_verbs(job, request) for job in rows.due()], Filter(request.GET)
    over = rows.filter(state__in=Job.OVER)
    found = _found(over, request, wanted.cleaned_data) if wanted.is_valid() else over.none()
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "due": due,
        "over": Paginator(found, ON_A_PAGE).get_page(request.GET.get("page")),
        "wanted": wanted,
        "narrowed": any(query.values()),
        "query": query.urlencode(),
    }
    status = 200 if wanted.is_valid() else 400
    return render(request, "study/desk/jobs.html", context | _worker(due), status=status)


def _found(rows: JobQuerySet, request: HttpRequest, wanted: dict[str, Any]) -> JobQuerySet:
    """Those of ``rows`` that are looked for."""
    if words := wanted["study"].strip():
        rows = rows.filter(Q(study__title__icontains=words) | Q(study__slug__icontains=words))
    if wanted["mine"]:
        rows = rows.filter(asked_by=request.user.pk)
    return rows.filter(state=wanted["state"]) if wanted["state"] else rows


@require_safe
@login_required
def show(request: HttpRequest, job: int) -> HttpResponse:
    """All there is to tell of one job."""
    found = _with_verbs(_job_for(request, job), request)
    context = {"job": found, "said": list(_said(found))} | _worker([found])
    return render(request, "study/desk/job_page.html", context)


@require_safe
@login_required
def card(request: HttpRequest, job: int) -> HttpResponse:
    """How far one job is, for a page that shows it beside other things."""
    return render(request, "study/desk/job.html", {"job": _job_for(request, job)})


@require_safe
@login_required
def bar(request: HttpRequest) -> JsonResponse:
    """For the bar of every page: how many are not over, and which of one's own ended since."""
    try:
        since = datetime.fromtimestamp(float(request.GET["since"]), UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        said = "since: seconds since 1970 are expected, as the answer before had them in now."
        return JsonResponse({"problem": said}, status=400)
    now, due = timezone.now().timestamp(), Job.objects.visible_to(request.user).due().count()
    ended = [
        {"id": job.pk, "state": job.get_state_display(), "wish": job.wish,
         "page": job.get_absolute_url()}
        for job in verbs.ended_since(request.user, since)
    ]  # fmt: skip
    return JsonResponse({"due": due, "now": f"{now:.3f}", "ended": ended})


@require_POST
@login_required
def cancel(request: HttpRequest, job: int) -> HttpResponse:
    """End a job."""
    found = _job_for(request, job)
    if not verbs.may_end(found, request.user):
        raise PermissionDenied
    try:
        verbs.cancel(found, by=by(request))
    except ValueError as error:
        messages.error(request, str(error))
    return redirect("job", job)


@require_POST
@login_required
def again(request: HttpRequest, job: int) -> HttpResponse:
    """Ask once more for what a job did not bring about."""
    found = _job_for(request, job)
    if not verbs.may_end(found, request.user):
        raise PermissionDenied
    try:
        new = verbs.again(found, by=by(request))
    except ValueError as error:
        messages.error(request, str(error))
        return redirect("job", job)
    return redirect("job", new.pk)


@require_POST
@login_required
def measure(request: HttpRequest, slug: str) -> HttpResponse:
    """Give a study what was measured of its images since it was made."""
    return redirect(
        verbs.ask(Job.Kind.MEASURE, by=by(request), study=study_for(request, slug, Right.WORK))
    )


@require_POST
@login_required
def rehearse(request: HttpRequest, slug: str) -> HttpResponse:
    """Play simulated raters through an open study, in place of earlier ones."""
    study, form = study_for(request, slug, Right.WORK), RehearsalForm(request.POST)
    if study.state != Study.State.OPEN or not form.is_valid():
        said = " ".join(str(problem) for some in form.errors.values() for problem in some)
        messages.error(request, said or "A study is rehearsed while it is open.")
        return redirect("study", slug)
    return redirect(verbs.ask(Job.Kind.REHEARSE, by=by(request), study=study, **form.cleaned_data))


def _job_for(request: HttpRequest, number: int) -> Job:
    """The job of that number if this person may see it. Raises ``Http404`` otherwise."""
    visible = Job.objects.visible_to(request.user).select_related("study", "asked_by")
    found = visible.filter(pk=number).first()
    if found is None:
        raise Http404(f"You have no job {number}.")
    return found


def _with_verbs(job: Job, request: HttpRequest) -> Job:
    """With what this person may do to it."""
    may = verbs.may_end(job, request.user)
    job.can_cancel = may and not job.over and not job.cancel_asked  # type: ignore[attr-defined]
    job.can_again = may and not verbs.cannot_again(job)  # type: ignore[attr-defined]
    failed = may and job.over and job.state != Job.State.DONE
    brought = [what for what, form in FORMS.items() if form.kind == job.kind]
    if failed and brought and request.user.has_perm(RIGHT):
        job.form = f"{reverse('add', args=brought)}?again={job.pk}"  # type: ignore[attr-defined]
    return job


def _said(job: Job) -> Iterator[tuple[str, Any]]:
    """What was asked for, each with its name; not the uploads, whose names say nothing."""
    for name, value in job.what.items():
        if name not in verbs.UPLOADS and value not in (None, "", [], False):
            told = ", ".join(map(str, value)) if isinstance(value, list) else value
            told = len(value) if name == "letters" else told  # their numbers say nothing
            yield name.replace("_", " ").capitalize(), "yes" if told is True else told


def _worker(shown: list[Job]) -> dict[str, Any]:
    """Whether nobody is there to do what is due."""
    due = any(not job.over for job in shown)
    full = due and verbs.has_no_room()
    return {"nobody": due and not claims.worker_is_there(), "full": full, "polls": due}
