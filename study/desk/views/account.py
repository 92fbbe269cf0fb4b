"""One's own account: its name, its mail address, the way to another password."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse_lazy
from django.views.generic import FormView

from study.desk import people
from study.desk.forms import AddressForm
from study.site import mail
from study.site.access import by
from study.site.sign_in import IF_NOT_YOU, Door

MOVED = "The mail address of your account was changed"


class Account(Door, FormView[AddressForm]):
    """What somebody can see and change of their own account.

    The address is where a link for a forgotten password goes, so that it takes the password to
    change it.
    """

    http_method_names = ["get", "head", "post", "options"]
    form_class = AddressForm
    template_name = "study/desk/account.html"
    success_url = reverse_lazy("account")
    request: HttpRequest

    def get_form_kwargs(self) -> dict[str, Any]:
        """The form knows whose it is."""
        user = cast("User", self.request.user)
        return {**super().get_form_kwargs(), "initial": {"mail": user.email}, "user": user}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With what the address is good for here."""
        return super().get_context_data(mail=mail.configured(), **kwargs)

    def form_valid(self, form: AddressForm) -> HttpResponse:
        """The new address; the old one hears of it."""
        user, before = form.user, form.user.email
        try:
            changed = people.set_address(user, form.cleaned_data["mail"], by=by(self.request))
        except ValueError as error:
            form.add_error("mail", str(error))
            user.email = before
            return self.form_invalid(form)
        if changed:
            messages.success(self.request, "Your mail address is changed.")
            if before and mail.configured():
                mail.soon(before, MOVED, f"{MOVED}.\n\n{IF_NOT_YOU}")
        return HttpResponseRedirect(str(self.success_url))

    def form_invalid(self, form: AddressForm) -> HttpResponse:
        """A wrong password counts as at the sign-in."""
        if form.has_error("password", "password_incorrect"):
            self.failed(page="account")
        return self.render_to_response(self.get_context_data(form=form), status=400)
