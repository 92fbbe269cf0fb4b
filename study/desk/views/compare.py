"""Two studies compared: both behind a look of their own that is kept."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from study.desk import compared, exports
from study.desk import studies as verbs
from study.desk.compared import Side
from study.desk.views.ratings_seen import is_hidden, kind_asked, note_look, remember
from study.desk.views.studies import TYPES
from study.models import Right
from study.site.access import by, study_for


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def compare(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose another study, and see both; a POST looks at those that are kept behind a look."""
    sides = _sides(request, slug)
    hidden = [side for side in sides if is_hidden(request, side.study, side.kind)]
    if request.method == "POST":
        for side in hidden:
            verbs.look(side.study, by=by(request))
            remember(request, side.study)
        return redirect(f"{reverse('compare', args=[slug])}?{_query(sides)}")
    context = {
        "study": sides[0].study,
        "sides": [
            {"name": name, "study": side.study, "kind": side.kind, "other": _other(sides, side)}
            for name, side in zip("AB", sides, strict=False)
        ],
        "others": compared.others(sides[0].study, request.user),
        "hidden": hidden,
        "query": _query(sides),
    }
    if len(sides) == 2 and not hidden:
        for side in sides:
            note_look(request, side.study, side.kind)
        context = {**compared.page(sides[0], sides[1]), **context}
    return render(request, "study/desk/compare.html", context)


@require_safe
@login_required
def file(request: HttpRequest, slug: str, extension: str) -> HttpResponse:
    """The comparison as a file, or its figure; of what is kept back, the way to the look."""
    if extension not in compared.FORMATS or "with" not in request.GET:
        raise Http404("a comparison is of ?with=STUDY, as csv, json, svg, pdf or png")
    sides = _sides(request, slug)
    if any(is_hidden(request, side.study, side.kind) for side in sides):
        return redirect(f"{reverse('compare', args=[slug])}?{_query(sides)}")
    a, b = sides
    try:
        content = compared.file(a, b, extension)
    except ValueError as error:
        raise Http404(str(error)) from error
    name, inline = compared.file_name(a, b, extension), "inline" in request.GET
    for side in sides:
        if inline or request.method != "GET":
            note_look(request, side.study, side.kind)
        elif side.kind == "people":
            verbs.look(side.study, by=by(request), file=f"comparison.{extension}")
    disposition = f'{"inline" if inline else "attachment"}; filename="{name}"'
    headers = {"Content-Disposition": disposition}
    return HttpResponse(content, content_type=TYPES[extension], headers=headers)


def _sides(request: HttpRequest, slug: str) -> list[Side]:
    """The study, and the one that ``?with=`` names, if it does; to be read both."""
    study = study_for(request, slug, Right.READ)
    sides = [Side(study, kind_asked(request, study))]
    if other := request.GET.get("with", ""):
        study = study_for(request, other, Right.READ)
        sides.append(Side(study, kind_asked(request, study, "with_raters")))
        if sides[0] == sides[1]:
            both = exports.kinds(study)
            if len(both) < 2:
                raise Http404("A study is compared with another one.")
            sides[1] = Side(study, both[both[0] == sides[0].kind])
    return sides


def _other(sides: list[Side], side: Side) -> str:
    """The query that shows the raters of the other kind on this side, if it has them."""
    both = exports.kinds(side.study)
    if len(both) < 2 or len(sides) < 2 or sides[0].study == sides[1].study:
        return ""
    turned = Side(side.study, both[both[0] == side.kind])
    return _query([turned if each is side else each for each in sides])


def _query(sides: list[Side]) -> str:
    names: dict[str, str] = {"raters": sides[0].kind}
    if len(sides) > 1:
        names |= {"with": sides[1].study.slug, "with_raters": sides[1].kind}
    return urlencode(names)
