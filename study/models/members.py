"""Who of the researchers may do what with a study: one table of roles by rights.

Superusers may do everything with every study. Whoever has no role in a study is not told that it
is there. docs/security.md has the same table under "Roles"; a test reads both.
"""

from __future__ import annotations

from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q


class Role(models.TextChoices):
    """What somebody is in a study."""

    OWNER = "owner", "Owner"
    EDITOR = "editor", "Editor"
    VIEWER = "viewer", "Viewer"


class Right(StrEnum):
    """What can be done with a study."""

    SEE = "see"
    """Its pages: how far it is, what it shows, its settings, its log."""
    READ = "read"
    """Results and files; of an open study each look is kept."""
    COPY = "copy"
    """A draft made after it."""
    CHANGE = "change"
    """A draft's settings, texts and images."""
    WORK = "work"
    """Long work for it: simulated raters, figures of measures."""
    INVITE = "invite"
    """Links: to see, make, send and revoke them; raters' names, codes and approval."""
    OPEN = "open"
    """Opening and closing it."""
    ANSWER = "answer"
    """What the law grants a rater: to tell or delete the data of one."""
    SHARE = "share"
    """Who else has which role."""
    SHELVE = "shelve"
    """Putting it away, bringing it back, deleting it."""


_VIEWER = frozenset({Right.SEE, Right.READ, Right.COPY})
_EDITOR = _VIEWER | {Right.CHANGE, Right.WORK, Right.INVITE, Right.OPEN}
MAY: dict[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.EDITOR: _EDITOR,
    Role.VIEWER: _VIEWER,
}


class Member(models.Model):
    """Somebody's role in a study."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=6, choices=Role, default=Role.OWNER)

    class Meta:
        db_table = "study_study_researchers"
        ordering = ["study", "user__username"]
        constraints = [
            models.UniqueConstraint(fields=["study", "user"], name="one_role_in_a_study"),
            models.CheckConstraint(
                condition=Q(role__in=["owner", "editor", "viewer"]), name="role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display().lower()} of {self.study.slug}"
