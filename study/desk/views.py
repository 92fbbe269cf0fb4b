"""The pages of researchers: what their studies gathered, and the way it leaves for a paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from study.desk import exports
from study.desk import results as results_page
from study.desk import studies as verbs
from study.desk.archive import archive as whole
from study.desk.forms import InviteForm
from study.models import Study
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
    mine = Study.objects.visible_to(request.user).with_counts()
    return render(request, "study/desk/studies.html", {"studies": mine})


@require_safe
@login_required
def study(request: HttpRequest, slug: str) -> HttpResponse:
    """Progress, results and links of one study."""
    chosen = study_for(request, slug)
    kind = _kind(request, chosen)
    hidden = _hidden(request, chosen, kind)
    context = results_page.page(chosen, kind=kind, hidden=hidden)
    context["invitations"] = results_page.invitations(chosen, request.build_absolute_uri)
    context["can_invite"] = chosen.state != Study.State.CLOSED
    rated = bool(context["progress"]["ratings"])
    context["downloads"] = _downloads(slug, kind, rated=rated, hidden=hidden)
    if rated and not hidden:
        context["figures"] = {
            name: f"{reverse('figure', args=[slug, name, 'svg'])}?raters={kind}"
            for name in exports.FIGURES
        }
    return render(request, "study/desk/study.html", context)


@require_POST
@login_required
def look(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the means of an open study to this researcher from now on, and keep that it was done."""
    chosen = study_for(request, slug)
    verbs.look(chosen, by=by(request))
    request.session[_seen(chosen)] = True
    return redirect("study", slug)


@require_safe
@login_required
def results(request: HttpRequest, slug: str, extension: str) -> HttpResponse:
    """The tables as a file."""
    chosen = study_for(request, slug)
    if extension not in exports.TABLE_FORMATS:
        raise Http404
    kind = _kind(request, chosen)
    if _hidden(request, chosen, kind):
        return _refused(request, chosen)
    form = exports.TABLE_FORMATS[extension]
    if form == "xlsx":
        return _made(
            lambda: next(iter(exports.files(chosen, kind=kind, form=form).values())),
            f"{_stem(chosen, kind)}-results", extension,
        )  # fmt: skip
    text = exports.table(chosen, kind=kind, form=form)
    return _file(text.encode(), f"{_stem(chosen, kind)}-results", extension)


@require_safe
@login_required
def ratings(request: HttpRequest, slug: str) -> HttpResponse:
    """Every rating, one row each."""
    chosen = study_for(request, slug)
    kind = _kind(request, chosen)
    if _hidden(request, chosen, kind):
        return _refused(request, chosen)
    return _file(
        exports.ratings(chosen, kind=kind).encode(), f"{_stem(chosen, kind)}-ratings", "csv"
    )


@require_safe
@login_required
def figure(request: HttpRequest, slug: str, name: str, extension: str) -> HttpResponse:
    """One figure: the scores' distribution, the mean ranks, or MOS against measures."""
    chosen = study_for(request, slug)
    if extension not in exports.FIGURE_FORMATS or name not in exports.FIGURES:
        raise Http404
    kind = _kind(request, chosen)
    if _hidden(request, chosen, kind):
        return _refused(request, chosen)
    return _made(
        lambda: exports.figure(chosen, kind=kind, name=name, form=extension),
        f"{_stem(chosen, kind)}-{name}",
        extension,
        inline=extension == "svg",
    )


@require_safe
@login_required
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """All that can be published, as a zip."""
    chosen = study_for(request, slug)
    kind = _kind(request, chosen)
    if _hidden(request, chosen, kind):
        return _refused(request, chosen)
    return _made(lambda: whole(chosen, kind=kind), _stem(chosen, kind), "zip")


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
    return _do(
        request, study_for(request, slug), lambda chosen, *, by: verbs.invite(chosen, count, by=by)
    )


@require_POST
@login_required
def revoke(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Withdraw one link."""
    chosen = study_for(request, slug)
    invitation = get_object_or_404(chosen.invitations, number=number)
    return _do(request, chosen, lambda _, *, by: verbs.revoke(invitation, by=by))


def _do(request: HttpRequest, chosen: Study, verb: Verb) -> HttpResponse:
    """Carry out a verb on a study and show the study again, with the reason if it was refused."""
    try:
        verb(chosen, by=by(request))
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


def _seen(chosen: Study) -> str:
    """The session's entry that says that this browser has looked."""
    return f"looked at {chosen.pk}"


def _hidden(request: HttpRequest, chosen: Study, kind: exports.Kind) -> bool:
    """Whether means are kept from this researcher: people's, while the study is open."""
    still_open = kind == "people" and chosen.state == Study.State.OPEN
    return still_open and not request.session.get(_seen(chosen), False)


def _refused(request: HttpRequest, chosen: Study) -> HttpResponse:
    """Back to the page, with the reason."""
    messages.error(request, "The study is open: show the results on this page first.")
    return redirect("study", chosen.slug)


def _downloads(
    slug: str, kind: exports.Kind, *, rated: bool, hidden: bool
) -> list[tuple[str, str]]:
    """Labels and addresses of what can be taken away now."""
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
            (f"Figure of {label}, PDF", reverse("figure", args=[slug, name, "pdf"]))
            for name, label in exports.FIGURES.items()
        ),
    ]
    offered = whole_study[:1] * rated + tables + whole_study[1:] * rated
    return [(label, f"{address}?raters={kind}") for label, address in offered]


def _made(
    make: Callable[[], bytes], stem: str, extension: str, *, inline: bool = False
) -> HttpResponse:
    """A file, or 404 with the reason why there is none yet."""
    try:
        content = make()
    except ValueError as error:
        raise Http404(str(error)) from error
    return _file(content, stem, extension, inline=inline)


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
