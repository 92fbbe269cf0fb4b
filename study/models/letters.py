"""Mail to raters: what is to be sent, and what became of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from study.models.design import Invitation, Study
from study.models.session import Rater


class LetterQuerySet(models.QuerySet["Letter"]):
    """Reads of several letters."""

    def of_use(self) -> LetterQuerySet:
        """Those that could still do something for their rater, if they went now.

        Not where another of the kind was asked for later, where the link or the rater is over, or
        where somebody who is invited has begun; nor in a study that is not open.
        """
        same = {name: OuterRef(name) for name in ("invitation", "kind")}
        later = Letter.objects.filter(pk__gt=OuterRef("pk"), **same)
        begun = Rater.objects.filter(invitation=OuterRef("invitation"))
        over = begun.filter(stage__in=Rater.ENDED)
        links = {"invitation__study__state": Study.State.OPEN, "invitation__revoked_at": None}
        rows = self.filter(~Exists(later), ~Exists(over), **links)
        return rows.exclude(Q(kind=Letter.Kind.INVITE) & Exists(begun))


class Letter(models.Model):
    """One message to one rater, about their link.

    It is due while it was neither begun nor failed. One that was begun and has no end was cut off
    while it was handed over: whether it went is not known, so it is told, and not sent again by
    itself.
    """

    class Kind(models.TextChoices):
        """What is written about."""

        INVITE = "invite", "Invitation"
        REMIND = "remind", "Reminder"

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="letters")
    kind = models.CharField(max_length=6, choices=Kind)
    subject = models.CharField(max_length=200)
    body = models.TextField(
        help_text="With the places that are filled in when it is sent: a link opens a door, and "
        "is not kept here."
    )
    mail = models.EmailField("address", help_text="As it was when the letter was asked for.")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    asked_at = models.DateTimeField(auto_now_add=True)
    begun_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="When the mail server took it.")
    problem = models.CharField(max_length=300, blank=True, help_text="Why it was not taken.")

    objects = LetterQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.invitation}"
