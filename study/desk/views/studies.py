"""A study: what it gathered, its links, and the way its figures leave for a paper."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from study.desk import checklist, computed, exports, links, shelf, summary
from study.desk import results as results_page
from study.desk import studies as verbs
from study.desk.exports import Kind
from study.desk.forms import InviteForm
from study.desk.views.ratings_seen import (
    is_hidden,
    kind_asked,
    latest,
    note_look,
    of_ratings,
    remember,
)
from study.models import Right, Study
from study.models.deeds import By
from study.site.access import by, study_for


class Verb(Protocol):
    """Something that is done to a study by somebody."""

    def __call__(self, study: Study, /, *, by: By) -> object:
        """Raises ``ValueError`` with the reason if it cannot be done."""


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
def home(request: HttpRequest) -> HttpResponse:
    """What this site is, for someone who came without a link."""
    return render(request, "study/desk/home.html")


@require_safe
@login_required
def studies(request: HttpRequest) -> HttpResponse:
    """The studies of this researcher."""
    mine = Study.objects.visible_to(request.user)
    away = "away" in request.GET
    shown = mine.filter(put_away_at__isnull=not away).with_counts()
    other = mine.filter(put_away_at__isnull=away).count()
    changeable = set(mine.allowing(request.user, Right.CHANGE).values_list("pk", flat=True))
    context = {"studies": shown, "away": away, "other": other, "changeable": changeable}
    return render(request, "study/desk/studies.html", context)


@require_safe
@login_required
def study(request: HttpRequest, slug: str) -> HttpResponse:
    """Progress, results and links of one study."""
    chosen = study_for(request, slug, Right.SEE)
    kind = kind_asked(request, chosen)
    context: dict[str, Any] = {"hidden": is_hidden(request, chosen, kind), "found": None}
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
    context["invitations"] = results_page.invitations(chosen, request.GET.get("links"))
    context["summary"] = [
        (subject, said, summary.PARTS.get(subject)) for subject, said in summary.summary(chosen)
    ]
    context["kept"] = shelf.why_kept(chosen)
    context["due"] = chosen.jobs.due()
    context["can_invite"] = chosen.state != Study.State.CLOSED
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
    return redirect("study", slug)


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


@require_POST
@login_required
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Make more links."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Number of links: {form.errors['count'][0]}")
        return redirect("study", slug)
    count = form.cleaned_data["count"]
    chosen = study_for(request, slug, Right.INVITE)
    return _do(request, chosen, lambda chosen, *, by: links.invite(chosen, count, by=by))


@require_POST
@login_required
def revoke(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Withdraw one link."""
    chosen = study_for(request, slug, Right.INVITE)
    invitation = get_object_or_404(chosen.invitations, number=number)
    return _do(request, chosen, lambda _, *, by: links.revoke(invitation, by=by))


def _do(request: HttpRequest, chosen: Study, verb: Verb) -> HttpResponse:
    """Carry out a verb on a study and show the study again, with the reason if it was refused."""
    try:
        verb(chosen, by=by(request))
    except ValueError as error:
        messages.error(request, str(error))
    return redirect("study", chosen.slug)


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
