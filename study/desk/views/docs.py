"""The documentation, where the words it explains are used."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from study.desk import docs


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """What there is to read."""
    return render(request, "study/desk/docs.html", {"titles": docs.TITLES})


@require_safe
@login_required
def doc(request: HttpRequest, name: str) -> HttpResponse:
    """One document."""
    try:
        html = docs.page(name)
    except KeyError:
        raise Http404(f"There is no document {name!r}.") from None
    context = {"html": html, "titles": docs.TITLES, "name": name, "title": docs.TITLES[name]}
    return render(request, "study/desk/doc.html", context)


@require_safe
@login_required
@cache_control(private=True, max_age=3600)
def picture(request: HttpRequest, name: str) -> HttpResponse:
    """A picture in a document."""
    content = docs.picture(name)
    if content is None:
        raise Http404(f"There is no picture {name!r}.")
    return HttpResponse(content, content_type="image/png")
