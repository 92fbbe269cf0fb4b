"""A forgotten password: a link by mail, which works once and for some hours.

Who asks is told the same whatever there is: it is looked for an account after the answer, in a
thread of its own. A process that is killed by then sends nothing, and the person asks again.
Accounts with rights in the admin get no link. Whoever reads somebody's mail would otherwise have
the whole site; those who run it have its command line.
"""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.views.generic import FormView

from study.models.deeds import By, Deed, note
from study.site import mail
from study.site.access import address
from study.site.sign_in import WINDOW, Door, TurnedAway, free_at, place, tell

OF_ADDRESS = 10
"""Times in 15 minutes that somebody may ask from one network address."""
OF_ACCOUNT = 3
"""Letters that an account is sent in an hour: enough for one that went astray, and no flood."""
OF_ACCOUNT_IN = timedelta(hours=1)

SUBJECT = "A new password for your account"
TEXT = """\
Somebody, probably you, has asked for a new password for the account {name} at {site}.

By this link you choose one. It works once, within the next {hours} hours:
{link}

If it was not you, there is nothing to do: the password stays as it is.
"""
BY_COMMAND = """\
Somebody, probably you, has asked for a new password for the account {name} at {site}.

This account has rights in the admin, and its password is not set anew by mail. On the server it \
is by the command: manage.py changepassword {name}

If it was not you, there is nothing to do: the password stays as it is.
"""


class Asked(forms.Form):
    """The mail address of an account."""

    mail = forms.EmailField(max_length=254)


class Forgotten(FormView[Asked]):
    """The page where a link is asked for."""

    form_class = Asked
    http_method_names = ["get", "head", "post", "options"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Where no mail is sent, only whom to ask instead."""
        if not mail.configured():
            return self.render_to_response({"mail": False}, status=404)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Asked) -> HttpResponse:
        """The same page for everybody; what is to be done is done later."""
        who = By(address=address(self.request))
        refusal = _noted(who)
        if refusal:
            context = self.get_context_data(form=form, turned_away=refusal.sentence)
            response = self.render_to_response(context, status=refusal.status)
            response["Retry-After"] = str(refusal.seconds)
            return response
        mail.after(partial(write, form.cleaned_data["mail"], who))
        return self.render_to_response(self.get_context_data(form=form, asked=True))

    def form_invalid(self, form: Asked) -> HttpResponse:
        """What is no address; it stands there again."""
        return self.render_to_response(self.get_context_data(form=form), status=400)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With what is said of the link."""
        return super().get_context_data(mail=True, hours=_hours(), **kwargs)


class NewPassword(Door, PasswordResetConfirmView):
    """The page that the link leads to. Its token is moved into the session, out of the address."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """An address with a token in it is told to no page.

        The form's own address has none, and is told to this site as ever: without, browsers send
        a form from nowhere, which is refused.
        """
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        if not self.validlink:
            response["Referrer-Policy"] = "no-referrer"
        return response

    def get_user(self, uidb64: str) -> User | None:
        """The account, if it is one that a link can be for."""
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.is_active and not _higher(user) else None

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """A link that does not work any more is nowhere."""
        return super().render_to_response(
            context, **({"status": 404} if not self.validlink else {}) | kwargs
        )

    def form_valid(self, form: SetPasswordForm[User]) -> HttpResponse:
        """The new password and its entry in the log, both or neither, by one link once."""
        user: User = form.save(commit=False)  # hashing, before the database is locked
        session = self.request.session
        with transaction.atomic():
            stored = User.objects.select_for_update().get(pk=user.pk)
            token = session.get(INTERNAL_RESET_SESSION_TOKEN)
            self.validlink = default_token_generator.check_token(stored, token)
            if not self.validlink:  # somebody was faster
                return self.render_to_response(self.get_context_data(form=None))
            user.save(update_fields=["password"])
            who = By(user, user.username, address(self.request))
            note(Deed.Kind.PASSWORD, by=who, how="by a link in a mail")
            del session[INTERNAL_RESET_SESSION_TOKEN]
            messages.success(self.request, "Your password is changed. Sign in with the new one.")
            session.save()
        tell(user)
        return HttpResponseRedirect(reverse("login"))


def _noted(who: By) -> TurnedAway | None:
    """Write down that somebody asked, or why they have to wait."""
    now, here = timezone.now(), place(who.address)
    with transaction.atomic():
        asked = Deed.objects.filter(
            kind=Deed.Kind.FORGOT, address=here, account="", at__gt=now - WINDOW
        )
        until = free_at(asked, OF_ADDRESS, now)
        if until > now:
            minutes = -(-int((until - now).total_seconds() + 1) // 60)
            when = "a minute" if minutes == 1 else f"{minutes} minutes"
            sentence = f"A link was asked for too often from here. Try again in {when}."
            return TurnedAway(429, sentence, minutes * 60)
        note(Deed.Kind.FORGOT, by=By(address=here))
    return None


def write(given: str, who: By) -> None:
    """Send a link to the account of that mail address, if there is one that may have it."""
    for user in User.objects.filter(email__iexact=given, is_active=True):
        # What a database takes for the same letter may be another one, of another domain.
        if _plain(user.email) != _plain(given) or not user.has_usable_password():
            continue
        with transaction.atomic():
            since = timezone.now() - OF_ACCOUNT_IN
            asked = Deed.objects.filter(kind=Deed.Kind.FORGOT, account=user.username, at__gt=since)
            if asked.count() >= OF_ACCOUNT:
                continue
            note(Deed.Kind.FORGOT, by=who._replace(user=user, account=user.username))
        mail.deliver(user.email, SUBJECT, _text(user))


def _text(user: User) -> str:
    told = {"name": user.username, "site": settings.SITE_URL, "hours": _hours(), "link": ""}
    if _higher(user):
        return BY_COMMAND.format(**told)
    key = urlsafe_base64_encode(force_bytes(user.pk))
    way = reverse("new_password_by_link", args=[key, default_token_generator.make_token(user)])
    return TEXT.format(**told | {"link": f"{settings.SITE_URL}{way}"})


def _higher(user: User) -> bool:
    return user.is_superuser or user.is_staff


def _plain(said: str) -> str:
    return unicodedata.normalize("NFKC", said).casefold()


def _hours() -> int:
    return int(settings.PASSWORD_RESET_TIMEOUT // 3600)
