"""The response headers that Django 5.2 does not set by itself."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, no inline script or style. ``data:`` images are the admin's icons."""


KEEP_NOTHING = "private, no-store"
"""For pages that say nothing else: of researchers, of accounts, and whatever comes later."""


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: every response carries :data:`POLICY`."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware


def keep_nothing(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: no browser or proxy keeps a page that does not say so, and no refusal at all.

    A view that lets its answer be kept would otherwise let a refusal be kept as well: an image that
    was asked for without a session would stay away after signing in.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if "Cache-Control" not in response or response.status_code >= 400:
            response["Cache-Control"] = KEEP_NOTHING
        return response

    return middleware
