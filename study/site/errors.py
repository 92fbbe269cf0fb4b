"""Pages for requests that lead nowhere: in the raters' languages for all who have not signed in."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils.translation import gettext

from study.site.language import in_raters_language


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Nothing is at this address, or nothing that this person may see."""
    if request.user.is_authenticated:
        return render(request, "404.html", status=404)
    return _in_words(request, "study/site/not_found.html", 404)


def unusable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What was sent is not what a browser sends for a person, or cannot be stored."""
    if not hasattr(request, "user"):  # so early that nobody is known, nor a language
        return HttpResponseBadRequest("What was sent cannot be used.\n", content_type="text/plain")
    reason = str(exception) if isinstance(exception, BadRequest) else ""
    return _in_words(request, "study/site/unusable.html", 400, reason=reason)


def refused_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the token that shows where it comes from."""
    if request.user.is_authenticated:
        return render(request, "403_csrf.html", status=403)
    return _in_words(request, "study/site/form_refused.html", 403)


@in_raters_language
def _in_words(
    request: HttpRequest, template: str, status: int, *, reason: str = ""
) -> HttpResponse:
    return render(request, template, {"reason": reason and gettext(reason)}, status=status)
