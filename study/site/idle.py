"""How long somebody stays signed in: not while they are away, and not for ever.

After OWASP's ASVS 5.0 (7.3.1 and 7.3.2): a limit on the time without a request, and one on the
whole. Raters, who have no account, are known for as long as their cookie lasts.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CSRF_SESSION_KEY

from study.models.deeds import Deed, note
from study.site.access import KEY, by

SINCE = "signed in at"
SEEN = "seen at"
"""The session's entries, in seconds since 1970."""
NOTED_EVERY = 300
"""Seconds after which it is written down again that somebody is there: not at each request."""


def begin(session: SessionBase) -> None:
    """Somebody has just signed in."""
    session[SINCE] = session[SEEN] = int(time.time())


def sign_out_idle(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: whoever was away for too long, or signed in too long ago, is signed out.

    A page that renews itself does not say that somebody is there. Led elsewhere, which is to the
    door, it is loaded again as a whole: the door is not put into its midst. A form that has itself
    looked at while it is filled in stays as it is, and is told.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        by_script = "HX-Request" in request.headers
        by_itself = by_script and request.method == "GET"
        if SESSION_KEY in request.session:
            _look_at_the_clock(request, there=not by_itself)
        response = get_response(request)
        if by_script and response.status_code == 302:
            told = {"HX-Refresh": "true"} if by_itself else {}
            return HttpResponse(status=200 if by_itself else 401, headers=told)
        return response

    return middleware


def _look_at_the_clock(request: HttpRequest, *, there: bool) -> None:
    session, now = request.session, int(time.time())
    if SINCE not in session:  # of an earlier version
        begin(session)
    if now - session[SINCE] > settings.STAFF_DAYS * 24 * 3600:
        _sign_out(request, f"{settings.STAFF_DAYS} days after signing in")
    elif now - session[SEEN] > settings.STAFF_IDLE_HOURS * 3600:
        _sign_out(request, f"{settings.STAFF_IDLE_HOURS} hours without a request")
    elif there and not 0 <= now - session[SEEN] < NOTED_EVERY:
        session[SEEN] = now


@transaction.atomic
def _sign_out(request: HttpRequest, why: str) -> None:
    """Sign out, and write it down; a rater in the same browser stays, with the page they are on."""
    kept = {key: request.session[key] for key in (KEY, CSRF_SESSION_KEY) if key in request.session}
    note(Deed.Kind.SIGNED_OUT, by=by(request), why=why)
    logout(request)
    if KEY in kept:
        request.session.update(kept)
        request.session.save()
