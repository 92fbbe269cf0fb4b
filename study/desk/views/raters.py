"""A study's raters: the table that is watched, links for more of them, and their approval."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from study.desk import approval as approving
from study.desk import exports, flags, invitees, links, listing, roster
from study.desk.forms import InviteForm, SelectedForm
from study.models import Right, Study
from study.site.access import by, study_for

MOST_COPIED = 1000
"""Links that the page holds to be copied at once; more are in the file."""


@require_safe
@login_required
def raters(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is where. A page that stays open asks again for the table alone."""
    study = study_for(request, slug, Right.SEE)
    if "HX-Request" not in request.headers:
        return _page(request, study)
    asked = _asked(request, study)
    flags.renew(study, kind=asked.kind)
    return render(request, "study/desk/raters_table.html", _table(request, study, asked))


def _asked(request: HttpRequest, study: Study) -> roster.Asked:
    try:
        return roster.asked(request.GET, named=Right.INVITE in study.rights)
    except ValueError as problem:
        raise Http404(str(problem)) from problem


def _table(request: HttpRequest, study: Study, asked: roster.Asked) -> dict[str, Any]:
    table = roster.table(study, asked)
    here = request.GET.urlencode()
    context = {
        "study": study,
        "asked": asked,
        "table": table,
        "page": table.page,
        "heads": list(_heads(asked)),
        "polls": study.state == Study.State.OPEN,
        "here": f"{reverse('raters', args=[study.slug])}{'?' if here else ''}{here}",
        "query": f"?{here}" if here else "",
    }
    if asked.named and asked.kind == "people":
        context["copied"] = _copied(study, asked)
    return context


def _copied(study: Study, asked: roster.Asked) -> dict[str, Any]:
    """The links of all that is shown, on whatever page, as a text."""
    found = roster.links(study, asked)
    some = list(found[: MOST_COPIED + 1])
    if len(some) > MOST_COPIED:
        return {"too_many": MOST_COPIED}
    return {"count": len(some), "text": "\n".join(map(links.link, some))}


def _heads(asked: roster.Asked) -> Any:
    """The heads of columns: what sorting by one asks for, and which way it is sorted now."""
    for name, title in roster.COLUMNS.items():
        if name == "name" and not (asked.named and asked.kind == "people"):
            continue
        by_this = asked.sort.removeprefix("-") == name
        backward = by_this and asked.sort.startswith("-")
        yield {
            "name": name,
            "title": title,
            "sort": f"-{name}" if by_this and not backward else name,
            "aria": "descending" if backward else "ascending" if by_this else "",
            "figure": name in ("position", "minutes"),
        }


def _page(request: HttpRequest, study: Study, *, status: int = 200, **more: Any) -> HttpResponse:
    asked = _asked(request, study)
    context = _table(request, study, asked) | {
        "kinds": exports.kinds(study),
        "can_invite": study.state != Study.State.CLOSED,
        "right": invitees.RIGHT,
        "count": 1,
        **more,
    }
    if asked.named:
        context["latest"] = links.last_number(study)
    if study.approves and asked.named:
        context["unflagged"] = len(roster.waiting_unflagged(study))
    return render(request, "study/desk/raters.html", context, status=status)


@require_safe
@login_required
def listed(request: HttpRequest, slug: str) -> HttpResponse:
    """All rows that are asked for, with names and links, as a table to be mailed or paid by."""
    study = study_for(request, slug, Right.INVITE)
    asked = _asked(request, study)
    stem = study.slug if asked.kind == "people" else f"{study.slug}-SIMULATED"
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{stem}-raters.csv"'
    if request.method == "GET":
        response.write(listing.taken(study, asked, by=by(request)))
    return response


@require_POST
@login_required
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Make more links: a number of them, or one for each of a list of people."""
    study = study_for(request, slug, Right.INVITE)
    typed = request.POST.get("people")
    people, count = [], 0
    form = InviteForm(request.POST)
    try:
        if typed is not None:
            people = invitees.read(typed)
        elif form.is_valid():
            count = form.cleaned_data["count"]
        else:
            raise ValueError(f"Number of links: {form.errors['count'][0]}")
        seen = request.POST.get("after", "")
        after = int(seen) if re.fullmatch("[0-9]{1,9}", seen) else None
        made = links.invite(study, count, people=people, after=after, by=by(request))
    except invitees.Unreadable as unreadable:
        return _page(request, study, status=400, problems=unreadable.problems, typed=typed)
    except ValueError as error:
        told = {"problems": [str(error)], "typed": typed} if typed else {"problem": str(error)}
        return _page(request, study, status=400, **told, count=request.POST.get("count", 1))
    first, last = made[0].number, made[-1].number
    said = f"Link {first} is" if first == last else f"Links {first} to {last} are"
    messages.success(request, f"{said} made.")
    return redirect("raters", slug)


@require_POST
@login_required
def selected(request: HttpRequest, slug: str) -> HttpResponse:
    """Revoke the links of some raters, approve them, or take their approval back."""
    study = study_for(request, slug, Right.INVITE)
    form = SelectedForm(request.POST, study=study)
    if not form.is_valid():
        messages.error(request, "Nothing was done: select raters in the table first.")
        return redirect(_back(request, slug))
    numbers, do = form.cleaned_data["numbers"], form.cleaned_data["do"]
    if do == "revoke" and "sure" not in request.POST:
        return render(request, "study/desk/revoke.html", {"study": study, "numbers": numbers})
    verbs: dict[str, Any] = {
        "revoke": links.revoke_all, "approve": approving.approve, "take_back": approving.take_back
    }  # fmt: skip
    told = {"revoke": "revoked", "approve": "approved", "take_back": "not approved any more"}
    try:
        done = verbs[do](study, numbers, by=by(request))
    except ValueError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{_counted(done, do)} {told[do]}.")
    if len(numbers) == 1 and "one" in request.POST:
        return redirect("rater", slug, numbers[0])
    return redirect(_back(request, slug))


def _back(request: HttpRequest, slug: str) -> str:
    """The table as it was narrowed, sorted and paged where the form was sent."""
    asked = QueryDict(request.POST.get("here", "").removeprefix("?")).urlencode()
    return f"{reverse('raters', args=[slug])}{'?' if asked else ''}{asked}"


def _counted(done: list[int], do: str) -> str:
    what = "link" if do == "revoke" else "rater"
    return f"{len(done)} {what} is" if len(done) == 1 else f"{len(done)} {what}s are"


@require_POST
@login_required
def approval(request: HttpRequest, slug: str) -> HttpResponse:
    """Have raters wait to be approved or not; approve all who finished without a flag."""
    study = study_for(request, slug, Right.INVITE)
    if "unflagged" in request.POST:
        try:
            done = approving.approve(study, roster.waiting_unflagged(study), by=by(request))
        except ValueError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{_counted(done, 'approve')} approved.")
    elif request.POST.get("approves") in {"yes", "no"}:
        on = request.POST["approves"] == "yes"
        if approving.switch(study, on, by=by(request)):
            said = "wait to be approved" if on else "do not wait to be approved any more"
            messages.success(request, f"Raters who finish {said}.")
    else:
        messages.error(request, "Nothing was done: say approves=yes or approves=no.")
    return redirect("raters", slug)
