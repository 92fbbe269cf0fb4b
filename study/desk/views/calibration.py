"""Images that a draft could calibrate its raters on, as its researchers look at them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from study.desk import places
from study.models import Right
from study.site.access import study_for

LOOKS = {"small": None, "1": 1, "5": 5}
KEPT = 300
"""Seconds for which a browser keeps one: files of a folder are exchanged now and then."""


@require_safe
@login_required
def image(request: HttpRequest, slug: str, look: str) -> HttpResponse:
    """One of them by the name that the page gives it: small, or a cutting as a 1 or as a 5."""
    study = study_for(request, slug, Right.SEE)
    if study.frozen or look not in LOOKS:
        raise Http404("There is no such image.")
    place, name = request.GET.get("place", ""), request.GET.get("image", "")
    try:
        content = places.look(study, place, name, LOOKS[look])
    except ValueError as error:
        raise Http404(str(error)) from None
    kind = "image/webp" if look == "small" else "image/png"
    response = HttpResponse(content, content_type=kind)
    patch_cache_control(response, private=True, max_age=KEPT)
    return response
