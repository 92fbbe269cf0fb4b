"""Pages for requests that lead nowhere: in the raters' languages for all who have not signed in."""

from __future__ import annotations

import sys

from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, gettext_noop
from django.views.defaults import server_error

from study.models import Study
from study.site.faults import fault
from study.site.language import in_raters_language

RETRY = "10"
"""Seconds after which to ask again while the database cannot be used."""
TOO_BIG = gettext_noop("What was sent is too large for this site.")
CANNOT = gettext_noop("This cannot be used")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Nothing is at this address, or nothing that this person may see."""
    if request.user.is_authenticated:
        return render(request, "404.html", status=404)
    return _in_words(request, "study/site/not_found.html", 404)


def unusable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What was sent is not what a browser sends for a person, or cannot be stored."""
    if fault(exception):  # a session, for example, that the database did not take
        return unavailable(request)
    if not hasattr(request, "user"):  # so early that nobody is known, nor a language
        return HttpResponseBadRequest("What was sent cannot be used.\n", content_type="text/plain")
    too_big = isinstance(exception, RequestDataTooBig)
    if by_script(request):
        return _in_json(request, TOO_BIG if too_big else CANNOT, 413 if too_big else 400)
    if too_big:
        return _in_words(request, "study/site/unusable.html", 413, reason=TOO_BIG)
    reason = str(exception) if isinstance(exception, BadRequest) else ""
    return _in_words(request, "study/site/unusable.html", 400, reason=reason)


def failed(request: HttpRequest) -> HttpResponse:
    """Something went wrong here: with the database or its disk, or in the code."""
    error = sys.exc_info()[1]
    if fault(error):
        return unavailable(request)
    if isinstance(error, Study.DoesNotExist):  # deleted by somebody else, in the midst of it
        return not_found(request, error)
    return server_error(request)


def unavailable(request: HttpRequest) -> HttpResponse:
    """To come back later, in the browser's language; asks nothing of the database."""
    headers = {"Retry-After": RETRY}
    with translation.override(translation.get_language_from_request(request)):
        if by_script(request):
            text = gettext("This site cannot store or read anything at the moment.")
            return JsonResponse({"error": text}, status=503, headers=headers)
        page = render_to_string("study/site/unavailable.html")
    return HttpResponse(page, status=503, headers=headers)


def by_script(request: HttpRequest) -> bool:
    """Whether a page's script asks, which reads JSON, and not a person."""
    return request.path in (reverse("vote"), reverse("upcoming"))


def refused_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the token that shows where it comes from."""
    if by_script(request):
        return _in_json(request, "Please open the link you were sent again.", 403)
    if request.user.is_authenticated:
        return render(request, "403_csrf.html", status=403)
    return _in_words(request, "study/site/form_refused.html", 403)


@in_raters_language
def _in_words(
    request: HttpRequest, template: str, status: int, *, reason: str = ""
) -> HttpResponse:
    return render(request, template, {"reason": reason and gettext(reason)}, status=status)


@in_raters_language
def _in_json(request: HttpRequest, reason: str, status: int) -> HttpResponse:
    return JsonResponse({"error": gettext(reason)}, status=status)
