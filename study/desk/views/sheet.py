"""The images of a study side by side, and each of them as a file, for its researchers."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from study.desk import pictures, sheet
from study.models import Right
from study.rating import showing
from study.site.access import study_for


@require_safe
@login_required
def images(request: HttpRequest, slug: str) -> HttpResponse:
    """One source by all methods, and the list of all sources."""
    study = study_for(request, slug, Right.SEE)
    sources, asked = sheet.sources(study), request.GET.get("image", "")
    place = next((i for i, each in enumerate(sources) if each.name == asked), 0)
    if asked and (not sources or sources[place].name != asked):
        raise Http404(f"{slug} shows no image {asked!r}.")
    context = {
        "study": study,
        "sources": sources,
        "missing": sheet.missing(study),
        "source": sources[place] if sources else None,
        "panes": sheet.panes(study, sources[place]) if sources else [],
        "place": place + 1,
        "before": sources[place - 1] if place else None,
        "after": sources[place + 1] if place + 1 < len(sources) else None,
    }
    return render(request, "study/desk/sheet.html", context)


@require_safe
@login_required
def image(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """An image of a study by its checksum, which tells nothing of how it was made."""
    stimulus = sheet.found(study_for(request, slug, Right.SEE), name)
    if stimulus is None:
        raise Http404(f"{slug} shows no such image.")
    try:
        content = showing.content_of(stimulus)
    except showing.Faulty as fault:
        return HttpResponse(str(fault), content_type="text/plain", status=503)
    response = HttpResponse(content, content_type="image/png")
    patch_cache_control(response, private=True, max_age=3600)
    return response


@require_safe
@login_required
def small(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """The same, small."""
    stimulus = sheet.found(study_for(request, slug, Right.SEE), name)
    if stimulus is None:
        raise Http404(f"{slug} shows no such image.")
    picture = pictures.Picture(
        stimulus.path.name, stimulus.path, stimulus.width, stimulus.height, sha256=stimulus.sha256
    )
    try:
        content = pictures.small(picture)
    except ValueError as fault:
        return HttpResponse(str(fault), content_type="text/plain", status=503)
    response = HttpResponse(content, content_type="image/webp")
    patch_cache_control(response, private=True, max_age=3600)
    return response
