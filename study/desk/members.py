"""Who works on a study, each in a role: adding somebody, changing a role, taking somebody away."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from study.models import Deed, Member, Role, Study
from study.models.deeds import By, note


def add(study: Study, name: str, role: Role, *, by: By) -> None:
    """Give the account of that name a role in the study, whatever state the study is in.

    Raises ``ValueError`` if there is no such account, or it has a role already.
    """
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise ValueError(f"There is no account “{name}”. Accounts are made by an administrator.")
    with transaction.atomic():
        member, new = Member.objects.get_or_create(study=study, user=user, defaults={"role": role})
        if not new:
            there = member.get_role_display().lower()
            raise ValueError(f"{name} is {there} of this study already; change the role below.")
        note(Deed.Kind.SHARED, by=by, study=study, of=name, role=["nobody", role.value])


def change(study: Study, name: str, role: Role, *, by: By) -> bool:
    """Change somebody's role; whether it was another one before.

    Raises ``ValueError`` for who has none, and for the last owner, who stays one.
    """
    with transaction.atomic():
        member = _member(study, name)
        before = Role(member.role)
        if before == role:
            return False
        _refuse_the_last(study, member)
        member.role = role
        member.save(update_fields=["role"])
        note(Deed.Kind.SHARED, by=by, study=study, of=name, role=[before.value, role.value])
    return True


def remove(study: Study, name: str, *, by: By) -> None:
    """Take somebody's role away. Raises ``ValueError`` as :func:`change`."""
    with transaction.atomic():
        member = _member(study, name)
        _refuse_the_last(study, member)
        member.delete()
        note(Deed.Kind.SHARED, by=by, study=study, of=name, role=[member.role, "nobody"])


def copy(source: Study, study: Study) -> None:
    """Give ``study`` the members of ``source``, in their roles."""
    Member.objects.bulk_create(
        Member(study=study, user_id=member.user_id, role=member.role)
        for member in source.members.all()
    )


def own(study: Study, user: User) -> None:
    """Make somebody an owner of a study that they have just made."""
    Member.objects.update_or_create(study=study, user=user, defaults={"role": Role.OWNER})


def _member(study: Study, name: str) -> Member:
    member = study.members.select_for_update().filter(user__username=name).first()
    if member is None:
        raise ValueError(f"{name} has no role in this study.")
    return member


def _refuse_the_last(study: Study, member: Member) -> None:
    """Whoever cannot sign in any more owns nothing: a study is left to somebody who can."""
    owners = study.members.filter(role=Role.OWNER, user__is_active=True).exclude(pk=member.pk)
    if member.role == Role.OWNER and not owners.exists():
        raise ValueError("The last owner of a study stays one: make somebody else an owner before.")
