"""Who may see what: raters by the invitation in their session, researchers by their studies."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from ipaddress import ip_address
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from study.models import MAY, Invitation, Member, Rater, Right, Role, Study, steps
from study.models.deeds import By
from study.models.steps import Visitor

KEY = "invitation"
"""The session's entry that says whose device this is."""

P = ParamSpec("P")


def remember(request: HttpRequest, invitation: Invitation) -> None:
    """From now on this browser belongs to ``invitation``; a new session key, the account stays.

    A browser that belongs to it already keeps its key, and a program that asks for headers alone,
    to see where a link leads, is no browser.
    """
    if request.method == "HEAD":
        return
    if request.session.get(KEY) != invitation.pk:
        request.session.cycle_key()
    request.session[KEY] = invitation.pk
    request._invitation = invitation  # type: ignore[attr-defined]


def invitation_of(request: HttpRequest) -> Invitation | None:
    """The invitation that this browser came by, or ``None``; read once for each request."""
    if not hasattr(request, "_invitation"):
        found = Invitation.objects.select_related("study", "rater").order_by()
        key = request.session.get(KEY)
        known = None if key is None else found.filter(pk=int(key)).first()
        request._invitation = known  # type: ignore[attr-defined]
    return request._invitation  # type: ignore[attr-defined]


def visitor_of(request: HttpRequest) -> Visitor | None:
    """Whose browser this is, in little: enough for a vote. Read once for each request."""
    if not hasattr(request, "_visitor"):
        key = request.session.get(KEY)
        request._visitor = None if key is None else steps.visitor(int(key))  # type: ignore[attr-defined]
    return request._visitor  # type: ignore[attr-defined]


def rater_of(invitation: Invitation) -> Rater | None:
    """The rater that enrolled by ``invitation``, or ``None`` before that."""
    return getattr(invitation, "rater", None)


def for_rater(
    view: Callable[Concatenate[HttpRequest, Rater, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A view of an enrolled rater's browser, answered with JSON when there is none."""

    @wraps(view)
    def inner(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        visitor = visitor_of(request)
        rater = visitor and visitor.rater
        if visitor is None or rater is None:
            return JsonResponse(
                {"error": _("Please open the link you were sent again.")}, status=401
            )
        if visitor.revoked:
            return JsonResponse({"error": _("This invitation was withdrawn.")}, status=403)
        return view(request, rater, *args, **kwargs)

    return inner


def study_for(request: HttpRequest, slug: str, right: Right) -> Study:
    """The study of that name, with what this researcher may do with it, ``right`` among it.

    Raises ``Http404`` for whoever has no role in it, and ``PermissionDenied`` for a role that does
    not give this ``right``.
    """
    found = _with_rights(request.user, slug)
    if found is None:
        raise Http404(f"You have no study {slug!r}.")
    study, study.rights = found[0], found[1]
    if right not in study.rights:
        roles = " or ".join(role.label.lower() for role, some in MAY.items() if right in some)
        raise PermissionDenied(f"This takes another role in {study.title} than yours: {roles}.")
    return study


def _with_rights(user: User | AnonymousUser, slug: str) -> tuple[Study, frozenset[Right]] | None:
    """The study and what ``user`` may do with it, of one moment; ``None`` without a role in it."""
    if user.is_superuser:
        study = Study.objects.filter(slug=slug).first()
        return (study, frozenset(Right)) if study else None
    if not user.is_authenticated:
        return None
    member = Member.objects.filter(user=user, study__slug=slug).select_related("study").first()
    return (member.study, MAY[Role(member.role)]) if member else None


def rights(user: User | AnonymousUser, study: Study) -> frozenset[Right]:
    """What somebody may do with a study: nothing if they have no role in it."""
    if not user.is_authenticated:
        return frozenset()
    if user.is_superuser:
        return frozenset(Right)
    role = study.members.filter(user=user).values_list("role", flat=True).first()
    return MAY[Role(role)] if role else frozenset()


def by(request: HttpRequest) -> By:
    """Who sent a request, for the log of deeds."""
    user = request.user if request.user.is_authenticated else None
    return By(user, user.get_username() if user else "", address(request))


def address(request: HttpRequest) -> str:
    """The network address of the client, in its shortest form; empty if there is none.

    Behind a proxy, what the proxy adds last to ``X-Forwarded-For`` is whom it speaks for; whatever
    stands before that is the client's own word. Without one, no header is believed.
    """
    said = [str(request.META.get("REMOTE_ADDR", ""))]
    if settings.BEHIND_PROXY:
        said.insert(0, request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip())
    for each in said:
        # A proxy that speaks for a socket of the system says something that is no address.
        with suppress(ValueError):
            found = ip_address(each.partition("%")[0])
            return str(getattr(found, "ipv4_mapped", None) or found)
    return ""
