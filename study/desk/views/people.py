"""Who may sign in: pages of superusers."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from study.desk import people as verbs
from study.desk.forms import PersonForm
from study.site.access import by

ON_A_PAGE = 50
"""Accounts."""
SORTS = {"name": "by name", "signed in": "signed in last", "new": "made last"}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def people(request: HttpRequest) -> HttpResponse:
    """All accounts, and a new one, whose password is shown this once."""
    _refuse_others(request)
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        name, catalogue = told["username"], told["catalogue"]
        try:
            password = verbs.make(name, catalogue=catalogue, mail=told["email"], by=by(request))
        except ValueError as problem:  # a second click, while the first was at work
            form.add_error("username", str(problem))
        else:
            return _shown_once(request, name, password)
    asked = request.GET
    sort = asked.get("sort") if asked.get("sort") in verbs.SORTS else "name"
    search = asked.get("search", "").strip()[:150]
    found = verbs.everyone(search, str(sort))
    context = {
        "people": Paginator(found, ON_A_PAGE).get_page(asked.get("page")),
        "search": search, "sort": sort, "sorts": SORTS, "form": form,
    }  # fmt: skip
    return render(request, "study/desk/people.html", context, status=400 if form.errors else 200)


@require_POST
@login_required
def change_person(request: HttpRequest, number: int) -> HttpResponse:
    """What somebody may do; a box that is not ticked is not sent."""
    user = _somebody(request, number)
    sent = request.POST
    may = {"active": "active" in sent, "catalogue": "catalogue" in sent}
    try:
        changed = verbs.change(user, **may, mail=sent.get("mail"), by=by(request))
    except ValueError as error:
        messages.error(request, str(error))
    else:
        if changed:
            messages.success(request, f"{user.username} was changed.")
    page = QueryDict(mutable=True)
    page.update({name: sent[name] for name in ("search", "sort", "page") if sent.get(name)})
    return redirect(f"{reverse('people')}?{page.urlencode()}" if page else "people")


@require_POST
@login_required
def new_password(request: HttpRequest, number: int) -> HttpResponse:
    """A password for somebody who forgot theirs, shown this once."""
    user = _somebody(request, number)
    try:
        password = verbs.new_password(user, by=by(request))
    except ValueError as error:
        messages.error(request, str(error))
        return redirect("people")
    return _shown_once(request, user.username, password)


def _somebody(request: HttpRequest, number: int) -> User:
    _refuse_others(request)
    return get_object_or_404(User, pk=number)


def _shown_once(request: HttpRequest, name: str, password: str) -> HttpResponse:
    """The one answer with a password in it: it is stored nowhere, so that it cannot be redirected
    to."""
    return render(request, "study/desk/new_password.html", {"name": name, "password": password})


def _refuse_others(request: HttpRequest) -> None:
    if not request.user.is_superuser:
        raise PermissionDenied
