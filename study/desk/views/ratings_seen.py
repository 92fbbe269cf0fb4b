"""Who sees what ratings say: one kind of raters, and an open study's means only after a look.

What a page or file tells of ratings, and of what is computed from them, goes through here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from study.desk import computed, exports
from study.desk import studies as verbs
from study.desk.exports import Kind
from study.models import Deed, Right, Study
from study.site.access import by, study_for

P = ParamSpec("P")


def of_ratings(
    view: Callable[Concatenate[HttpRequest, Study, Kind, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, str, P], HttpResponse]:
    """A view of what ratings say: of this researcher's study, by one kind of raters, to be seen.

    Means of people's ratings are kept back while the study is open, until this researcher says
    that they want to look.
    """

    @require_safe
    @login_required
    @wraps(view)
    def inner(request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        chosen = study_for(request, slug, Right.READ)
        kind = kind_asked(request, chosen)
        if is_hidden(request, chosen, kind):
            _say_why(request, chosen)
            asked = then(chosen, request.get_full_path())
            query = f"?{urlencode({'then': asked})}" if asked else ""
            return redirect(reverse("study", args=[slug]) + query)
        return view(request, chosen, kind, *args, **kwargs)

    return inner


def _say_why(request: HttpRequest, chosen: Study) -> None:
    """Why somebody is led from a page of results to the study's: there is a button, or nothing."""
    if verbs.tells(chosen):
        messages.error(request, "The study is open: show the results on this page first.")
    else:
        messages.info(request, "Nobody has rated yet, so there are no results of it to see.")


def kind_asked(request: HttpRequest, chosen: Study, name: str = "raters") -> Kind:
    """Whose ratings are asked for: ``?raters=``, else people's, if there are any."""
    asked = request.GET.get(name)
    if asked not in {None, "people", "simulated"}:
        raise Http404(f"?{name}= is people or simulated")
    if asked is None:
        return "simulated" if exports.kinds(chosen) == ["simulated"] else "people"
    return "simulated" if asked == "simulated" else "people"


def then(chosen: Study, address: str) -> str:
    """The address if a look leads on to it, being that of a page of results; else nothing."""
    return address if address.startswith(reverse("by_image", args=[chosen.slug])) else ""


def is_hidden(request: HttpRequest, chosen: Study, kind: Kind) -> bool:
    """Whether means are kept from this researcher: people's, while the study is open."""
    still_open = kind == "people" and chosen.state == Study.State.OPEN
    return still_open and request.session.get(_seen(chosen)) != _spell(chosen)


def note_look(request: HttpRequest, chosen: Study, kind: Kind) -> None:
    """Keep that people's means are shown in this session; a closed study may be opened again."""
    spell = _spell(chosen)
    if kind == "people" and verbs.tells(chosen) and request.session.get(_seen(chosen)) != spell:
        verbs.look(chosen, by=by(request))
        remember(request, chosen)


def latest(request: HttpRequest, chosen: Study, kind: Kind, name: str) -> computed.Made | None:
    """The newest figures of that name for a page, maybe older than the votes; notes the look.

    ``None`` while the first are being computed, or where making them failed, which is told.
    Raises ``ValueError`` if there is nothing to make them of.
    """
    note_look(request, chosen, kind)
    there = computed.last(chosen, kind=kind, name=name)
    if there and there.current:
        return there
    try:
        return computed.ask(chosen, kind=kind, name=name, patience=computed.PATIENCE) or there
    except computed.Failed as failure:
        messages.error(request, str(failure))
        return there


def remember(request: HttpRequest, chosen: Study) -> None:
    """Keep in this session that the means of the study's present spell were looked at."""
    request.session[_seen(chosen)] = _spell(chosen)


def _seen(chosen: Study) -> str:
    """The session's entry that says in which spell this browser has looked."""
    return f"looked at {chosen.pk}"


def _spell(chosen: Study) -> int:
    """Counts how often the study was opened and closed: a look holds until the next time."""
    return chosen.deeds.filter(kind__in=[Deed.Kind.OPENED, Deed.Kind.CLOSED]).count()
