"""The log of a study, for those who see it, and that of the whole site, for superusers."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from study.desk import logged
from study.models import Deed, Right, Study
from study.site.access import study_for

PAGE = 100
"""Deeds on a page."""


@require_safe
@login_required
def of_study(request: HttpRequest, slug: str) -> HttpResponse:
    """What was done to a study, by whom and when."""
    return _page(request, study_for(request, slug, Right.SEE))


@require_safe
@login_required
def of_study_file(request: HttpRequest, slug: str) -> HttpResponse:
    """The same as CSV, all pages of what was looked for."""
    return _file(request, study_for(request, slug, Right.SEE))


@require_safe
@login_required
def whole(request: HttpRequest) -> HttpResponse:
    """What was done on the site: sign-ins, accounts, the catalogue and every study."""
    _for_superusers(request)
    return _page(request, None)


@require_safe
@login_required
def whole_file(request: HttpRequest) -> HttpResponse:
    """The same as CSV."""
    _for_superusers(request)
    return _file(request, None)


def _for_superusers(request: HttpRequest) -> None:
    if not request.user.is_superuser:
        raise PermissionDenied("The log of the whole site is for superusers.")


def _page(request: HttpRequest, study: Study | None) -> HttpResponse:
    wanted, addresses = logged.Filter(request.GET), _addresses(study)
    rows = _found(wanted, study, addresses)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context: dict[str, Any] = {
        "study": study,
        "wanted": wanted,
        "page": page,
        "entries": logged.entries(page.object_list),
        "accounts": logged.accounts(study),
        "addresses": addresses,
        "query": query.urlencode(),
        "narrowed": any(str(value).strip() for value in query.values()),
    }
    status = 200 if wanted.is_valid() else 400
    return render(request, "study/desk/log.html", context, status=status)


def _file(request: HttpRequest, study: Study | None) -> HttpResponse:
    wanted, addresses = logged.Filter(request.GET), _addresses(study)
    if not wanted.is_valid():
        return _page(request, study)
    rows = _found(wanted, study, addresses)
    name = f"{study.slug}-log.csv" if study else "log.csv"
    return HttpResponse(
        logged.table(rows, addresses=addresses, sites=study is None),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _found(wanted: logged.Filter, study: Study | None, addresses: bool) -> QuerySet[Deed]:
    """What is looked for; nothing, where that cannot be understood."""
    if not wanted.is_valid():
        return Deed.objects.none()
    return logged.deeds(study, wanted.cleaned_data, addresses=addresses)


def _addresses(study: Study | None) -> bool:
    """Whether network addresses are told: owners of a study and superusers read them."""
    return study is None or Right.SHARE in study.rights
