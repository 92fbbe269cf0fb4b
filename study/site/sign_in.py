"""The door of researchers: who comes in, who is kept waiting, and what is written down of it.

Everyone comes in here, the admin's pages included. A wrong password is counted by the account that
was tried and by the address it came from; there is no row of it but the one in the log of deeds,
which both is the record and does the counting. Hashing one password takes most of a second of a
processor on purpose, so that those who guess are slow: it is done for one at a time, or else a few
who guess would take the processors from the raters.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.core.exceptions import BadRequest
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.utils import timezone

from study.models.deeds import By, Deed, note
from study.models.turns import alone
from study.site import idle, mail
from study.site.access import address, by

WINDOW = timedelta(minutes=15)
"""In which failures count. ASVS 5.0 (6.3.1) asks for a limit that no outsider can turn into a
lock: whoever is kept out is so for minutes, and other places are not kept out with them."""
OF_ACCOUNT_FROM_ADDRESS = 5
"""More tries than a person needs who half remembers a password."""
OF_ADDRESS = 20
"""A laboratory behind one address may have several people who mistype."""
OF_ACCOUNT = 50
"""From anywhere: against many computers that guess together. It does not hold for an address from
which the account has been used before: outsiders cannot lock a researcher out at home."""
AT_HOME_FOR = timedelta(days=90)
PATIENCE = 2.0
"""Seconds to wait for one's turn at the door."""
QUEUE = 2
"""How many of a process's threads may be at the door: the others are the raters'."""
LONGEST_NAME = 150

CHANGED = "The password of your account was changed"
IF_NOT_YOU = (
    "If it was not you, tell whoever runs this site at once: somebody else may be signed in as you."
)

_queue = threading.BoundedSemaphore(QUEUE)


class TurnedAway(NamedTuple):
    """Why somebody may not try now, and the seconds after which they may."""

    status: int
    sentence: str
    seconds: int


BUSY = TurnedAway(503, "Too many people are signing in at this moment. Try again shortly.", 5)


def place(text: str) -> str:
    """What of an address counts as one place: of IPv6 the /64 that one household is given.

    >>> place("203.0.113.7"), place("2001:db8:1:2:3:4:5:6")
    ('203.0.113.7', '2001:db8:1:2::/64')
    """
    if not text or not isinstance(ip_address(text), IPv6Address):
        return text
    return str(ip_network(f"{text}/64", strict=False))


def to_wait(who: By, *, now: datetime | None = None) -> TurnedAway | None:
    """Whether ``who`` has failed too often to try again now, whatever the password is."""
    now = now or timezone.now()
    failed = Deed.objects.filter(kind=Deed.Kind.REFUSED, at__gt=now - WINDOW)
    here = failed.filter(address=place(who.address))
    both = here.filter(account=who.account)
    latest = _signed_in(who, now - WINDOW).last()
    if latest is not None:
        both = both.filter(at__gt=latest.at)
    until = max(free_at(both, OF_ACCOUNT_FROM_ADDRESS, now), free_at(here, OF_ADDRESS, now))
    everywhere = free_at(failed.filter(account=who.account), OF_ACCOUNT, now)
    if everywhere > until and not _signed_in(who, now - AT_HOME_FOR).exists():
        until = everywhere
    if until <= now:
        return None
    seconds = int((until - now).total_seconds()) + 1
    minutes = -(-seconds // 60)
    when = "a minute" if minutes == 1 else f"{minutes} minutes"
    return TurnedAway(429, f"Too many wrong passwords. Try again in {when}.", seconds)


def free_at(failed: QuerySet[Deed], limit: int, now: datetime) -> datetime:
    """When the earliest of the latest ``limit`` failures is forgotten; ``now`` if fewer are."""
    times = list(failed.order_by("-at").values_list("at", flat=True)[:limit])
    return times[-1] + WINDOW if len(times) == limit else now


def _signed_in(who: By, since: datetime) -> QuerySet[Deed]:
    """Sign-ins of the account from this place, the latest last."""
    done = Deed.objects.filter(kind=Deed.Kind.SIGNED_IN, at__gt=since, account=who.account)
    return done.filter(details__place=place(who.address)).order_by("at")


@contextmanager
def _at_the_door() -> Iterator[None]:
    """One password at a time in all processes. Raises ``TimeoutError`` if there is no turn."""
    if not _queue.acquire(blocking=False):
        raise TimeoutError("enough of this process's threads wait already")
    try:
        with alone(settings.VAR_DIR / "sign-in-turn", patience=PATIENCE):
            yield
    finally:
        _queue.release()


class Door:
    """A page that takes a password which somebody may be guessing."""

    request: HttpRequest

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Turned away, or judged."""
        who = self.who()
        if refusal := to_wait(who):
            return self.turned_away(who, refusal)
        try:
            with _at_the_door():
                # While this one waited, others may have failed in the same name.
                if refusal := to_wait(who):
                    return self.turned_away(who, refusal)
                return super().post(request, *args, **kwargs)  # type: ignore[misc]
        except TimeoutError:
            return self.turned_away(who, BUSY)

    def who(self) -> By:
        """The account that is tried, and where from."""
        return by(self.request)

    def failed(self, **details: Any) -> None:
        """Write down that a password was wrong."""
        who = self.who()
        note(Deed.Kind.REFUSED, by=who._replace(address=place(who.address)), **details)

    def turned_away(self, who: By, refusal: TurnedAway) -> HttpResponse:
        """The page again, with the reason, and nothing looked at."""
        empty = {"data": None, "files": None, "initial": {"username": who.account}}
        form = self.get_form_class()(**self.get_form_kwargs() | empty)  # type: ignore[attr-defined]
        context = self.get_context_data(form=form, turned_away=refusal.sentence)  # type: ignore[attr-defined]
        response = self.render_to_response(context, status=refusal.status)  # type: ignore[attr-defined]
        response["Retry-After"] = str(refusal.seconds)
        return response


class SignIn(Door, LoginView):
    """The page where researchers and admins sign in."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Whoever is in already goes on; one whom the admin refused is not sent back there."""
        super().setup(request, *args, **kwargs)
        refused = self.get_redirect_url().startswith(reverse("admin:index"))
        self.redirect_authenticated_user = not refused or request.user.is_staff

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With whether a forgotten password can be set anew by mail."""
        return super().get_context_data(mail=mail.configured(), **kwargs)

    def who(self) -> By:
        """The name that was given, as the form will read it."""
        given = self.request.POST.get("username", "").strip()
        name = unicodedata.normalize("NFKC", given[: LONGEST_NAME + 1])
        if len(name) > LONGEST_NAME:
            raise BadRequest(f"A user name has at most {LONGEST_NAME} characters.")
        return By(None, name, address(self.request))

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """In: the sign-in and its entry in the log, both or neither."""
        with transaction.atomic():
            login(self.request, form.get_user())
            idle.begin(self.request.session)
            who = by(self.request)
            note(Deed.Kind.SIGNED_IN, by=who, place=place(who.address))
            self.request.session.save()
        return HttpResponseRedirect(self.get_success_url())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Not in. Whether there is such an account is not told, neither here nor by the time."""
        if form.non_field_errors():  # not merely a field left empty
            self.failed()
        return super().form_invalid(form)


class ChangePassword(Door, PasswordChangeView):
    """The page where people change their own password; their other sessions end with it."""

    success_url = reverse_lazy("studies")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """The new password and its entry in the log, both or neither."""
        user = form.save(commit=False)  # hashing, before the database is locked
        with transaction.atomic():
            user.save(update_fields=["password"])
            update_session_auth_hash(self.request, user)
            note(Deed.Kind.PASSWORD, by=by(self.request))
            self.request.session.save()
        tell(user)
        messages.success(self.request, "Your password is changed. Other browsers are signed out.")
        return HttpResponseRedirect(self.get_success_url())

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        """The old password was wrong, which counts as at the sign-in, or the new one is weak."""
        if form.has_error("old_password", "password_incorrect"):
            self.failed(page="password")
        return super().form_invalid(form)


def tell(user: User) -> None:
    """Write to somebody that their password was changed, if they have an address."""
    if mail.configured() and user.email:
        mail.soon(user.email, CHANGED, f"{CHANGED}.\n\n{IF_NOT_YOU}")


class SignOut(LogoutView):
    """The way out; there is no page, only the button."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Out, and the entry in the log."""
        with transaction.atomic():
            if request.user.is_authenticated:
                note(Deed.Kind.SIGNED_OUT, by=by(request))
            return super().post(request, *args, **kwargs)
