"""Accounts: who may sign in, and who may add to the catalogue."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from study.models import Deed
from study.models.deeds import By, note

CATALOGUE = "add_to_catalogue"


def everyone() -> QuerySet[User]:
    """All accounts by name, with the number of their ``studies`` and their right to the
    ``catalogue``."""
    right = User.user_permissions.through.objects.filter(
        user=OuterRef("pk"), permission__codename=CATALOGUE
    )
    counted = User.objects.annotate(studies=Count("study"), catalogue=Exists(right))
    return counted.order_by("username")


def may_add_to_catalogue(user: User) -> bool:
    """Whether this account may bring sets and methods in and have outputs made."""
    return user.has_perm(f"study.{CATALOGUE}")


def of_the_catalogue() -> QuerySet[User]:
    """The accounts that may add to the catalogue, by name."""
    backend = "django.contrib.auth.backends.ModelBackend"
    right = f"study.{CATALOGUE}"
    found: QuerySet[User] = User.objects.with_perm(right, backend=backend).order_by("username")
    return found


def make(name: str, *, catalogue: bool, by: By) -> str:
    """A researcher's account; returns its password, which nobody can read again.

    ``catalogue``: whether it may add to the catalogue. ``name`` is one that the form has checked.
    """
    password = _password()
    user = User(username=name)
    user.set_password(password)  # takes a moment, before the database is locked
    with transaction.atomic():
        user.save()
        _permit(user, catalogue)
        note(Deed.Kind.ACCOUNT, by=by, of=name, may_add_to_the_catalogue=catalogue)
    return password


def change(user: User, *, active: bool, catalogue: bool, by: By) -> bool:
    """Switch an account on or off, and its right to add to the catalogue; whether that changed it.

    Raises ``ValueError`` for one's own account and for superusers, who are the admin's business.
    """
    _refuse_higher(user, by)
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
    return bool(changed)


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
