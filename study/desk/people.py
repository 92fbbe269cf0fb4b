"""Accounts: who may sign in, and who may add to the catalogue."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Lower

from study.models import Deed, Role
from study.models.deeds import By, note
from study.site.mail import is_address

CATALOGUE = "add_to_catalogue"
LONGEST_ADDRESS = 254
"""Characters of a mail address."""


SORTS: dict[str, list[Any]] = {
    "name": [Lower("username")],
    "signed in": [F("last_login").desc(nulls_last=True), Lower("username")],
    "new": ["-date_joined", "-pk"],
}
"""Orders of accounts."""


def everyone(search: str = "", sort: str = "name") -> QuerySet[User]:
    """All accounts, or those with ``search`` in their name or address, in an order of `SORTS`.

    Adds their right to the ``catalogue`` and, for each role, in how many studies they have it:
    ``owner``, ``editor``, ``viewer``.
    """
    right = User.user_permissions.through.objects.filter(
        user=OuterRef("pk"), permission__codename=CATALOGUE
    )
    roles = {
        role.value: Count("memberships", filter=Q(memberships__role=role), distinct=True)
        for role in Role
    }
    counted = User.objects.annotate(catalogue=Exists(right), **roles)
    if search:
        counted = counted.filter(Q(username__icontains=search) | Q(email__icontains=search))
    return counted.order_by(*SORTS[sort])


def may_add_to_catalogue(user: User) -> bool:
    """Whether this account may bring sets and methods in and have outputs made."""
    return user.has_perm(f"study.{CATALOGUE}")


def of_the_catalogue() -> QuerySet[User]:
    """The accounts that may add to the catalogue, by name."""
    backend = "django.contrib.auth.backends.ModelBackend"
    right = f"study.{CATALOGUE}"
    found: QuerySet[User] = User.objects.with_perm(right, backend=backend).order_by("username")
    return found


def make(name: str, *, catalogue: bool, by: By, mail: str = "") -> str:
    """A researcher's account; returns its password, which nobody can read again.

    ``catalogue``: whether it may add to the catalogue. ``name`` and ``mail``, their address, are
    what the form has checked. Raises ``ValueError`` if somebody made it meanwhile.
    """
    password = _password()
    user = User(username=name, email=mail)
    user.set_password(password)  # takes a moment, before the database is locked
    with transaction.atomic():
        if User.objects.filter(username__iexact=name).exists():
            raise ValueError("There is an account of that name.")
        user.save()
        _permit(user, catalogue)
        note(Deed.Kind.ACCOUNT, by=by, of=name, may_add_to_the_catalogue=catalogue)
    return password


def change(user: User, *, active: bool, catalogue: bool, by: By, mail: str | None = None) -> bool:
    """Switch an account on or off, its right to add to the catalogue, and its mail address if one
    is given; whether that changed it.

    Raises ``ValueError`` for one's own account and for superusers, who are the admin's business,
    and for an address that is none or another's.
    """
    _refuse_higher(user, by)
    moved = mail is not None and set_address(user, mail, by=by)
    said: dict[str, Any] = {
        "may sign in": [user.is_active, active],
        "may add to the catalogue": [may_add_to_catalogue(user), catalogue],
    }
    changed = {name: both for name, both in said.items() if both[0] != both[1]}
    if changed:
        with transaction.atomic():
            user.is_active = active
            user.save(update_fields=["is_active"])
            _permit(user, catalogue)
            note(Deed.Kind.RIGHTS, by=by, of=user.username, **changed)
    return bool(changed) or moved


def set_address(user: User, mail: str, *, by: By) -> bool:
    """Give an account another mail address, or none; whether it had another before.

    Raises ``ValueError`` for what is no address, and for one that another account has in whatever
    case: a forgotten password is set anew by it.
    """
    mail = mail.strip()
    if mail and (len(mail) > LONGEST_ADDRESS or not is_address(mail)):
        raise ValueError(f"{mail[:60]} is no mail address; write one as name@example.org.")
    with transaction.atomic():
        if mail and User.objects.filter(email__iexact=mail).exclude(pk=user.pk).exists():
            raise ValueError("Another account has this mail address.")
        if user.email == mail:
            return False
        user.email = mail
        user.save(update_fields=["email"])
        note(Deed.Kind.ADDRESS, by=by, of=user.username, it_has_one=bool(mail))
    return True


def new_password(user: User, *, by: By) -> str:
    """A new password for somebody who forgot theirs; all their browsers are signed out.

    Raises ``ValueError`` as :func:`change`.
    """
    _refuse_higher(user, by)
    password = _password()
    user.set_password(password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        note(Deed.Kind.PASSWORD, by=by, of=user.username)
    return password


def _refuse_higher(user: User, by: By) -> None:
    if by.user is not None and user.pk == by.user.pk:
        raise ValueError("Your own account is changed by somebody else, your password by yourself.")
    if user.is_superuser or user.is_staff:
        raise ValueError(f"{user.username} has rights in the admin and is changed there.")


def _permit(user: User, catalogue: bool) -> None:
    right = Permission.objects.get(content_type__app_label="study", codename=CATALOGUE)
    change = user.user_permissions.add if catalogue else user.user_permissions.remove
    change(right)


def _password() -> str:
    """96 random bits as 16 characters."""
    return secrets.token_urlsafe(12)
