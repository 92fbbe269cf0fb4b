"""The start page, which says what needs whoever is signed in, and the list of studies."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from study.desk import attention, beginning, jobs
from study.models import Right, Study

RECENT = 8
"""Studies on the start page."""
SHOWN = 10
"""Studies that need somebody whose items are not folded away."""
PAGE = 50
"""Studies on a page of the list."""
ORDERS: dict[str, tuple[str, Any]] = {
    "": ("Newest first", "-created_at"),
    "title": ("Title", "title"),
    "vote": ("Latest vote first", F("last_vote").desc(nulls_last=True)),
    "finished": ("Most finished first", "-finished"),
}
"""How the list is sorted: what that is called, and by what."""


class Filter(forms.Form):
    """Which studies are listed, and in which order."""

    q = forms.CharField(required=False, max_length=200, label="Words")
    state = forms.ChoiceField(
        required=False, label="State", choices=[("", "Any"), *Study.State.choices]
    )
    sort = forms.ChoiceField(
        required=False,
        label="Sort",
        choices=[(name, said) for name, (said, _) in ORDERS.items()],
    )
    away = forms.CharField(required=False, max_length=1)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What needs whoever is signed in, and their latest studies; to others, what this site is."""
    if not request.user.is_authenticated:
        return render(request, "study/desk/home.html")
    mine = Study.objects.visible_to(request.user)
    recent = list(mine.filter(put_away_at=None).with_counts()[: RECENT + 1])
    context = {
        "groups": (groups := attention.by_study(attention.items(request.user)))[:SHOWN],
        "folded": groups[SHOWN:],
        "jobs": jobs.of_late(request.user),
        "studies": recent[:RECENT],
        "more": len(recent) > RECENT,
    }
    if not recent:
        context |= {"put_away": mine.count(), "there": beginning.there()}
    return render(request, "study/desk/home_desk.html", context)


@require_safe
@login_required
def studies(request: HttpRequest) -> HttpResponse:
    """The studies of this researcher, found, sorted and paged."""
    mine, wanted = Study.objects.visible_to(request.user), Filter(request.GET)
    away, valid = "away" in request.GET, wanted.is_valid()
    there = mine.filter(put_away_at__isnull=not away)
    found = _found(there, wanted.cleaned_data) if valid else there.none()
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    changeable = mine.allowing(request.user, Right.CHANGE).filter(state=Study.State.DRAFT)
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "wanted": wanted,
        "page": page,
        "studies": page.object_list,
        "away": away,
        "other": mine.filter(put_away_at__isnull=away).count(),
        "changeable": set(changeable.values_list("pk", flat=True)),
        "narrowed": any(str(request.GET.get(name, "")).strip() for name in ("q", "state")),
        "query": query.urlencode(),
    }
    if not page.paginator.count and not context["other"]:
        context["there"] = beginning.there()
    return render(request, "study/desk/studies.html", context, status=200 if valid else 400)


def _found(rows: Any, wanted: dict[str, str]) -> Any:
    """Those of ``rows`` that are looked for, counted, in the order that is asked for."""
    if words := wanted["q"].strip():
        rows = rows.filter(Q(title__icontains=words) | Q(slug__icontains=words))
    if wanted["state"]:
        rows = rows.filter(state=wanted["state"])
    return rows.with_counts().order_by(ORDERS[wanted["sort"]][1], "-pk")
