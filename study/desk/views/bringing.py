"""Bringing something into the catalogue: the forms, and files piece by piece for their script."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required, permission_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from study.desk import jobs, uploads
from study.desk.bringing import FORMS, Bringing, to_mend
from study.desk.form_files import Arrivals, takes_files
from study.models import Job
from study.site.access import by
from study.site.admission import admission, admitted

P = ParamSpec("P")
RIGHT = "study.add_to_catalogue"
DIGITS = 15
"""Of a number that is read out of an address, at the most."""
LARGEST_PIECE = 8 << 20
"""Bytes, which are in memory while they are taken."""


@require_safe
@login_required
@permission_required(RIGHT, raise_exception=True)
def add(request: HttpRequest, what: str) -> HttpResponse:
    """The form that brings in a set, outputs or a model; with ``?again=JOB`` filled in as then."""
    form, before = _form(what), None
    again = request.GET.get("again", "")
    if again.isdecimal() and len(again) <= DIGITS:
        before = get_object_or_404(Job, pk=again, kind=form.kind)
    initial = {"name": request.GET.get("name", "")} | to_mend(request.GET.get("mend", ""))
    initial = _as_typed(before.what) if before else initial
    owner: Any = request.user
    return _page(request, what, form(owner=owner, initial=initial), before=before)


@require_POST
@takes_files
def bring(request: HttpRequest, arrivals: Arrivals, signature: str, what: str) -> HttpResponse:
    """Ask for what the form says to be brought in, once nothing is wrong that can be told now."""
    kind, data = _form(what), request.POST.copy()
    for field in kind.brought:
        # A field of files that was left empty comes as a text, behind the upload of before.
        before = next(filter(None, data.getlist(field)), "")
        data[field] = arrivals.uploads.get(field, before)
    form = kind(data, owner=arrivals.owner, problems=arrivals.problems)
    if form.is_valid():
        return redirect(jobs.ask(form.kind, by=by(request), **form.what()))
    return _page(request, what, form, status=400)


def piecewise(
    view: Callable[Concatenate[HttpRequest, P], dict[str, Any]],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A view of the script that uploads: it is answered with JSON, a refusal with its sentence."""

    @login_required
    @permission_required(RIGHT, raise_exception=True)
    @wraps(view)
    def inner(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return JsonResponse(view(request, *args, **kwargs))
        except uploads.NotTaken as error:
            told = {"error": f"{str(error)[:1].upper()}{str(error)[1:]}.", "there": error.there}
            return JsonResponse(told, status=error.status)

    return inner


@require_POST
@piecewise
def begin(request: HttpRequest) -> dict[str, Any]:
    """A new upload; its id, and what large pieces of it are signed with."""
    owner: Any = request.user
    return {"id": uploads.begin(owner, request.GET.get("of", "")), "signature": admission(owner.pk)}


@require_http_methods(["GET", "HEAD", "POST"])
@piecewise
def upload(request: HttpRequest, key: str) -> dict[str, Any]:
    """What is there of an upload; a POST brings the piece of a file that the question names."""
    owner: Any = request.user
    if request.method == "POST":
        return _take(request, key)
    found = [[file.place, file.size, file.mark, file.there] for file in uploads.files(key, owner)]
    return {"files": found, "signature": admission(owner.pk)}


@require_POST
@piecewise
def large_piece(request: HttpRequest, signature: str, key: str) -> dict[str, Any]:
    """A piece larger than other requests may be: of a large file, to spare the way to and fro."""
    if admitted(signature) != str(request.user.pk):
        raise uploads.NotTaken("this address was signed long ago, or for somebody else", status=403)
    return _take(request, key)


def _take(request: HttpRequest, key: str) -> dict[str, Any]:
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > LARGEST_PIECE:
        raise uploads.NotTaken(f"a piece has {LARGEST_PIECE >> 20} MB at the most", status=413)
    there = uploads.take(
        key,
        owner=request.user,  # type: ignore[arg-type]
        name=request.GET.get("name", ""),
        mark=request.GET.get("mark", ""),
        size=_number(request, "size"),
        offset=_number(request, "offset"),
        piece=request.read(length),
    )
    return {"there": there}


@require_POST
@piecewise
def forget(request: HttpRequest, key: str) -> dict[str, Any]:
    """Remove an upload that is not wanted any more."""
    if uploads.is_there(key, request.user):  # type: ignore[arg-type]
        uploads.forget(key)
    return {}


def _number(request: HttpRequest, name: str) -> int:
    said = request.GET.get(name, "")
    if not (said.isascii() and said.isdigit() and len(said) <= DIGITS):
        raise uploads.NotTaken(f"{name} is no number")
    return int(said)


def _form(what: str) -> type[Bringing]:
    if what not in FORMS:
        raise Http404(f"There is no way to bring in {what!r}.")
    return FORMS[what]


def _as_typed(what: dict[str, Any]) -> dict[str, Any]:
    """What a job was asked for, as its form had it."""
    typed = {name: "" if told is None else told for name, told in what.items()}
    if isinstance(typed.get("sets"), list):
        typed["sets"] = " ".join(typed["sets"])
    if "references" in typed:
        typed["references"] = "yes" if typed["references"] else "no"
    return typed


def _page(
    request: HttpRequest, what: str, form: Bringing, *, before: Job | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "what": what,
        "form": form,
        "before": before,
        "signature": admission(request.user.pk),
    }
    return render(request, "study/desk/bring.html", context, status=status)
