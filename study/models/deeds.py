"""What was done at the desk and at its door: by whom, when, from where. Written once, kept.

An entry is written by the verb that does the deed, in the same transaction: there is no deed
without its entry and no entry without its deed.
"""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import models
from django.db.models import Q

from study.models.design import Study

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class By(NamedTuple):
    """Who did something: an account, and the network address it came from, both if known."""

    user: User | None = None
    account: str = ""
    """The account's name, as it was then; of a sign-in that failed, the name that was tried."""
    address: str = ""


def by_command() -> By:
    """Whoever runs a command on the server."""
    try:
        return By(account=f"command line ({getpass.getuser()})")
    except (KeyError, OSError):  # a user of the system without a name
        return By(account="command line")


class DeedQuerySet(models.QuerySet["Deed"]):
    """Reads of several deeds."""

    def looks(self, study: Study) -> DeedQuerySet:
        """Those that showed somebody how people rate ``study``: its means, or one rater's scores.

        A rater who had not rated yet, or was simulated, told nothing of that.
        """
        whole = Q(kind__in=[Deed.Kind.LOOKED, Deed.Kind.TOOK])
        some = Q(details__ratings__gt=0) | Q(details__ratings__isnull=True)  # older ones do not say
        one = Q(kind=Deed.Kind.TOLD, details__rater__startswith="R") & some
        return self.filter(whole | one, study=study)

    def early_looks(self, study: Study) -> DeedQuerySet:
        """Looks after which more people could be asked: all but those since it was closed last.

        A study that was closed, read and opened again was read early.
        """
        looks = self.looks(study)
        if study.state == Study.State.CLOSED and study.closed_at:
            return looks.filter(at__lt=study.closed_at)
        return looks


class Deed(models.Model):
    """One deed. ``details`` says what of it: numbers, names, settings from what to what."""

    class Kind(models.TextChoices):
        """What can be done that is to be told later."""

        CREATED = "created", "Made the study"
        CHANGED = "changed", "Changed settings"
        COPIED = "copied", "Copied from another study"
        DELETED = "deleted", "Deleted the study"
        PUT_AWAY = "put away", "Took the study out of the list"
        BROUGHT_BACK = "brought", "Brought the study back into the list"
        OPENED = "opened", "Opened the study"
        CLOSED = "closed", "Closed the study"
        INVITED = "invited", "Made links"
        REVOKED = "revoked", "Revoked a link"
        REPLACED = "replaced", "Made a link in place of another"
        NAMED = "named", "Changed names or mail addresses of links"
        LISTED = "listed", "Took the list of raters with their links"
        WROTE = "wrote", "Asked for mail to raters"
        APPROVED = "approved", "Approved raters"
        SHARED = "shared", "Changed who works on the study"
        MEASURED = "measured", "Brought in figures of measures"
        ADDED = "added", "Brought into the catalogue"
        REMOVED = "removed", "Took out of the catalogue"
        ASKED = "asked", "Asked for long work"
        CANCELLED = "cancelled", "Cancelled long work"
        REHEARSED = "rehearsed", "Played simulated raters"
        LOOKED = "looked", "Saw results"
        TOOK = "took", "Took a file"
        TOLD = "told", "Exported the data of one rater"
        ERASED = "erased", "Deleted the data of one rater"
        FAULT = "fault", "Found an image missing or altered"
        MENDED = "mended", "Found a faulty image right again"
        SIGNED_IN = "signed in", "Signed in"
        SIGNED_OUT = "signed out", "Signed out"
        REFUSED = "refused", "Failed to sign in"
        PASSWORD = "password", "Changed a password"
        FORGOT = "forgot", "Asked for a way to a forgotten password"
        ADDRESS = "address", "Changed the mail address of an account"
        ACCOUNT = "account", "Made an account"
        RIGHTS = "rights", "Changed what an account may do"

    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=12, choices=Kind)
    study = models.ForeignKey(Study, on_delete=models.SET_NULL, null=True, related_name="deeds")
    about = models.CharField(
        max_length=50, blank=True, help_text="Name of the study, also after it was deleted."
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    account = models.CharField(max_length=150, blank=True)
    address = models.CharField(max_length=45, blank=True)
    details = models.JSONField(default=dict)

    objects = DeedQuerySet.as_manager()

    class Meta:
        ordering = ["at", "pk"]
        indexes = [
            models.Index(fields=["study", "at"]),
            models.Index(fields=["kind", "account", "at"], name="deed_account"),
            models.Index(
                fields=["kind", "address", "at"],
                condition=Q(kind="refused"),
                name="refused_address",
            ),
            models.Index(
                fields=["kind", "address", "at"],
                condition=Q(kind="forgot"),
                name="forgot_address",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.account or 'somebody'}: {self.get_kind_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store a new entry. Raises ``ValueError`` for one that is stored already."""
        if self.pk is not None:
            raise ValueError("an entry in the log is written once")
        super().save(*args, **kwargs)

    @property
    def looked_at(self) -> str:
        """What a look showed: a file, or whose data; empty for the page of results."""
        return str(self.details.get("rater" if self.kind == self.Kind.TOLD else "file", ""))

    @property
    def extent(self) -> str:
        """How many ratings there were at a look, or were in the data of one rater, in words."""
        preposition = "with" if self.kind == self.Kind.TOLD else "at"
        return f"{preposition} {self.details.get('ratings', 'some')}"

    @property
    def told(self) -> str:
        """The details in words: names and values, those that are empty left out."""
        return ", ".join(
            f"{name.replace('_', ' ')} {_said(value)}"
            for name, value in self.details.items()
            if value not in (None, "", [], {}, False)
        )


def note(kind: Deed.Kind, *, by: By, study: Study | None = None, **details: Any) -> Deed:
    """Write down a deed. Call it in the transaction that does it.

    ``details`` is what JSON can hold; times and other things are stored as their text.
    """
    return Deed.objects.create(
        kind=kind,
        study=study,
        about=study.slug if study else "",
        user=by.user,
        account=by.account[:150],
        address=by.address[:45],
        details={name: _plain(value) for name, value in details.items()},
    )


def _said(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " to ".join(_said(each) for each in value)
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
