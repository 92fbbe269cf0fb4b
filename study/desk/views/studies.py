"""A study: what it gathered, and the way its figures leave for a paper."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from study.desk import attention, checklist, computed, exports, shelf, summary
from study.desk import results as results_page
from study.desk import studies as verbs
from study.desk.exports import Kind
from study.desk.views.ratings_seen import (
    is_hidden,
    kind_asked,
    latest,
    note_look,
    of_ratings,
    remember,
    then,
)
from study.models import Right, Study
from study.site.access import by, study_for

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "tex": "application/x-tex; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "png": "image/png",
    "md": "text/markdown; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}


@require_safe
@login_required
def study(request: HttpRequest, slug: str) -> HttpResponse:
    """Progress and results of one study."""
    chosen = study_for(request, slug, Right.SEE)
    kind = kind_asked(request, chosen)
    context: dict[str, Any] = {"hidden": is_hidden(request, chosen, kind), "found": None}
    context["then"] = then(chosen, request.GET.get("then", ""))
    context["unrated"] = chosen.state == Study.State.DRAFT and not exports.kinds(chosen)
    if context["unrated"]:
        context["bars"] = checklist.bars(checklist.points(chosen))
    elif not context["hidden"]:
        context |= _found(request, chosen, kind)
    context |= results_page.page(chosen, kind=kind, found=context["found"])
    rated = bool(context["progress"]["ratings"])
    empty = {"measures": context.get("objective") == [], "ranks": context.get("ranked") is False}
    drawn = [name for name in exports.FIGURES if not empty.get(name)]
    context["downloads"] = _downloads(slug, kind, drawn, rated=rated, hidden=context["hidden"])
    context["links"] = chosen.invitations.aggregate(
        made=Count("pk"),
        unopened=Count("pk", filter=Q(opened_at=None, revoked_at=None, rater=None)),
    )
    context["summary"] = [
        (subject, said, summary.PARTS.get(subject)) for subject, said in summary.summary(chosen)
    ]
    context["kept"] = shelf.why_kept(chosen)
    context["due"] = chosen.jobs.due()
    context["attention"] = attention.items(request.user, chosen) if kind == "people" else []
    return render(request, "study/desk/study.html", context)


def _found(request: HttpRequest, chosen: Study, kind: Kind) -> dict[str, Any]:
    """The latest figures, whose page they are on, and whether newer ones are being computed."""
    made = latest(request, chosen, kind, computed.PAGE)
    mark = made.mark if made else ""
    figures = {
        name: f"{reverse('figure', args=[chosen.slug, name, 'svg'])}?raters={kind}&of={mark}"
        for name in exports.FIGURES
    }
    found = json.loads(made.path.read_bytes()) if made else None
    return {"found": found, "made": made, "figures": figures, "file": computed.PAGE}


@require_POST
@login_required
def look(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the means of an open study to this researcher from now on, and keep that it was done."""
    chosen = study_for(request, slug, Right.READ)
    verbs.look(chosen, by=by(request))
    remember(request, chosen)
    return redirect(then(chosen, request.POST.get("then", "")) or reverse("study", args=[slug]))


@of_ratings
def ready(request: HttpRequest, chosen: Study, kind: Kind, name: str) -> HttpResponse:
    """Whether a computed file is there, for a page that waits for it: its mark, or nothing."""
    if name not in computed.names():
        raise Http404
    try:
        made = computed.ask(chosen, kind=kind, name=name, patience=0, by=by(request))
    except (ValueError, computed.Failed) as problem:
        return JsonResponse({"mark": "", "problem": str(problem)})
    made = made or computed.last(chosen, kind=kind, name=name)
    return JsonResponse({"mark": made.mark if made else "", "current": bool(made and made.current)})


@of_ratings
def results(request: HttpRequest, chosen: Study, kind: Kind, extension: str) -> HttpResponse:
    """The tables as a file."""
    if extension not in exports.TABLE_FORMATS:
        raise Http404
    return _file(request, chosen, kind, f"results.{extension}")


@of_ratings
def ratings(request: HttpRequest, chosen: Study, kind: Kind) -> HttpResponse:
    """Every rating, one row each."""
    return _file(request, chosen, kind, "ratings.csv")


@of_ratings
def figure(
    request: HttpRequest, chosen: Study, kind: Kind, name: str, extension: str
) -> HttpResponse:
    """One figure: the scores' distribution, the mean ranks, or MOS against measures."""
    if extension not in exports.FIGURE_FORMATS or name not in exports.FIGURES:
        raise Http404
    return _file(request, chosen, kind, f"{name}.{extension}", inline=extension == "svg")


@of_ratings
def archive(request: HttpRequest, chosen: Study, kind: Kind) -> HttpResponse:
    """All that can be published, as a zip."""
    return _file(request, chosen, kind, computed.ARCHIVE)


def _stem(chosen: Study, kind: Kind) -> str:
    return chosen.slug if kind == "people" else f"{chosen.slug}-SIMULATED"


def _downloads(
    slug: str, kind: Kind, drawn: Sequence[str], *, rated: bool, hidden: bool
) -> list[tuple[str, str]]:
    """Labels and addresses of what can be taken away now; ``drawn``: figures with something in."""
    if hidden:
        return []
    tables = [
        (label, reverse("results", args=[slug, extension]))
        for label, extension in (
            ("Tables, CSV", "csv"), ("JSON", "json"), ("LaTeX", "tex"), ("Markdown", "md"),
        )
    ]  # fmt: skip
    whole_study = [
        ("Everything to publish, zip", reverse("archive", args=[slug])),
        ("Tables, workbook", reverse("results", args=[slug, "xlsx"])),
        ("Every rating, CSV", reverse("ratings", args=[slug])),
        *(
            (f"Figure of {exports.FIGURES[name]}, PDF", reverse("figure", args=[slug, name, "pdf"]))
            for name in drawn
        ),
    ]
    offered = whole_study[:1] * rated + tables + whole_study[1:] * rated
    return [(label, f"{address}?raters={kind}") for label, address in offered]


def _file(
    request: HttpRequest, chosen: Study, kind: Kind, name: str, *, inline: bool = False
) -> HttpResponse:
    """A computed file; a page that waits for it while it is made; 404 with the reason if never.

    ``inline``: part of a page, which may ask for the state that it shows; not taken away.
    """
    of = request.GET.get("of", "") if inline else ""
    try:
        made = computed.last(chosen, kind=kind, name=name, mark=of) if of else None
        patience = computed.DRAWN if inline else computed.PATIENCE
        made = made or computed.ask(chosen, kind=kind, name=name, patience=patience, by=by(request))
    except ValueError as error:
        raise Http404(str(error)) from error
    except computed.Failed as failure:
        messages.error(request, str(failure))
        return redirect("study", chosen.slug)
    if made is None:
        job = computed.job_of(chosen, kind, name)
        context = {"study": chosen, "kind": kind, "file": name, "job": job}
        return render(request, "study/desk/waiting.html", context, status=202)
    if inline:
        note_look(request, chosen, kind)  # as the page that it is part of does
    elif request.method == "GET" and kind == "people":
        verbs.look(chosen, by=by(request), file=name)
    stem, _, extension = name.rpartition(".")
    part = "" if name == computed.ARCHIVE else f"-{stem}"
    filename = f"{_stem(chosen, kind)}{part}.{extension}"
    disposition = f'{"inline" if inline else "attachment"}; filename="{filename}"'
    return HttpResponse(
        made.path.read_bytes(),
        content_type=TYPES[extension],
        headers={"Content-Disposition": disposition},
    )
