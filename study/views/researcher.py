"""The pages of researchers: what their studies gathered, and the way it leaves for a paper."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from study import exports
from study import studies as verbs
from study.access import study_for
from study.forms import InviteForm
from study.models import Study

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "tex": "application/x-tex; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "png": "image/png",
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this site is, for someone who came without a link."""
    return render(request, "study/home.html")


@require_safe
@login_required
def studies(request: HttpRequest) -> HttpResponse:
    """The studies of this researcher."""
    mine = Study.objects.visible_to(request.user).with_counts()
    return render(request, "study/researcher/studies.html", {"studies": mine})


@require_safe
@login_required
def study(request: HttpRequest, slug: str) -> HttpResponse:
    """Progress, table, figure and links of one study."""
    chosen = study_for(request, slug)
    kind = _kind(request, chosen)
    context = exports.page(chosen, kind=kind)
    context["invitations"] = exports.invitations(chosen, request.build_absolute_uri)
    context["can_invite"] = chosen.state != Study.State.CLOSED
    context["downloads"] = [
        (label, f"{address}?raters={kind}")
        for label, address in (
            ("Table, CSV", reverse("results", args=[slug, "csv"])),
            ("Table, JSON", reverse("results", args=[slug, "json"])),
            ("Table, LaTeX", reverse("results", args=[slug, "tex"])),
            ("Every rating, CSV", reverse("ratings", args=[slug])),
            ("Figure, SVG", reverse("distribution", args=[slug, "svg"])),
            ("Figure, PDF", reverse("distribution", args=[slug, "pdf"])),
        )
    ]
    if context["progress"]["ratings"]:
        context["figure"] = f"{reverse('distribution', args=[slug, 'svg'])}?raters={kind}"
    return render(request, "study/researcher/study.html", context)


@require_safe
@login_required
def results(request: HttpRequest, slug: str, extension: str) -> HttpResponse:
    """The MOS table as a file."""
    chosen = study_for(request, slug)
    if extension not in exports.TABLE_FORMATS:
        raise Http404
    kind = _kind(request, chosen)
    text = exports.table(chosen, kind=kind, form=exports.TABLE_FORMATS[extension])
    return _file(text.encode(), f"{_stem(chosen, kind)}-mos", extension)


@require_safe
@login_required
def ratings(request: HttpRequest, slug: str) -> HttpResponse:
    """Every rating, one row each."""
    chosen = study_for(request, slug)
    kind = _kind(request, chosen)
    return _file(
        exports.ratings(chosen, kind=kind).encode(), f"{_stem(chosen, kind)}-ratings", "csv"
    )


@require_safe
@login_required
def distribution(request: HttpRequest, slug: str, extension: str) -> HttpResponse:
    """The figure of the scores' distribution, as in the paper's figure 5."""
    chosen = study_for(request, slug)
    if extension not in exports.FIGURE_FORMATS:
        raise Http404
    kind = _kind(request, chosen)
    try:
        figure = exports.figure(chosen, kind=kind, form=extension)
    except ValueError as error:
        raise Http404(str(error)) from error
    return _file(figure, f"{_stem(chosen, kind)}-scores", extension, inline=extension == "svg")


@require_POST
@login_required
def open_study(request: HttpRequest, slug: str) -> HttpResponse:
    """Open a study: what is shown is frozen from here on."""
    return _do(request, study_for(request, slug), verbs.open_)


@require_POST
@login_required
def close_study(request: HttpRequest, slug: str) -> HttpResponse:
    """Close a study: no more raters, no more votes."""
    return _do(request, study_for(request, slug), verbs.close)


@require_POST
@login_required
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Make more links."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Number of links: {form.errors['count'][0]}")
        return redirect("study", slug)
    count = form.cleaned_data["count"]
    return _do(request, study_for(request, slug), lambda chosen: verbs.invite(chosen, count))


@require_POST
@login_required
def revoke(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Withdraw one link."""
    chosen = study_for(request, slug)
    invitation = get_object_or_404(chosen.invitations, number=number)
    return _do(request, chosen, lambda _: verbs.revoke(invitation))


def _do(request: HttpRequest, chosen: Study, verb: exports.Verb) -> HttpResponse:
    """Carry out a verb on a study and show the study again, with the reason if it was refused."""
    try:
        verb(chosen)
    except ValueError as error:
        messages.error(request, str(error))
    return redirect("study", chosen.slug)


def _kind(request: HttpRequest, chosen: Study) -> exports.Kind:
    """Whose ratings are asked for: ``?raters=``, else people's, if there are any."""
    asked = request.GET.get("raters")
    if asked not in {None, "people", "simulated"}:
        raise Http404("?raters= is people or simulated")
    if asked is None:
        return "simulated" if exports.kinds(chosen) == ["simulated"] else "people"
    return "simulated" if asked == "simulated" else "people"


def _stem(chosen: Study, kind: exports.Kind) -> str:
    return chosen.slug if kind == "people" else f"{chosen.slug}-SIMULATED"


def _file(content: bytes, stem: str, extension: str, *, inline: bool = False) -> HttpResponse:
    disposition = "inline" if inline else "attachment"
    return HttpResponse(
        content,
        content_type=TYPES[extension],
        headers={
            "Content-Disposition": f'{disposition}; filename="{stem}.{extension}"',
            "Cache-Control": "private, no-cache",
        },
    )
