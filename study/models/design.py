"""What is asked, and who is asked: studies and invitations."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from study.models.catalog import Stimulus
from study.models.members import MAY, Member, Right
from study.models.protocol import Protocol

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

MOST_RATERS = 10_000
"""That can be planned: more is a slip of the finger."""


class StudyQuerySet(models.QuerySet["Study"]):
    """Reads of several studies."""

    def visible_to(self, user: User | AnonymousUser) -> StudyQuerySet:
        """The studies of this researcher; a superuser sees all of them."""
        if not user.is_authenticated:
            return self.none()
        return self if user.is_superuser else self.filter(researchers=user)

    def allowing(self, user: User | AnonymousUser, right: Right) -> StudyQuerySet:
        """Those with which somebody may do this, by their role; a superuser all."""
        if not user.is_authenticated:
            return self.none()
        roles = [role for role, rights in MAY.items() if right in rights]
        mine = Member.objects.filter(user=user, role__in=roles).values("study")
        return self if user.is_superuser else self.filter(pk__in=mine)

    def with_counts(self) -> StudyQuerySet:
        """Adds ``raters``, ``finished`` and ``last_vote``, of people only, in one query.

        Each is counted by itself: joined to each other, raters and their votes are millions.
        """
        people = apps.get_model("study", "Rater").objects  # its module needs this one
        of_study = people.filter(study=OuterRef("pk"), simulated=False).order_by().values("study")
        raters = of_study.annotate(n=Count("pk")).values("n")
        finished = of_study.filter(finished_at__isnull=False).annotate(n=Count("pk")).values("n")
        return self.annotate(
            raters=Coalesce(Subquery(raters), 0),
            finished=Coalesce(Subquery(finished), 0),
            last_vote=Subquery(of_study.annotate(at=Max("seen_at")).values("at")),
        )


class Study(Protocol):
    """One experiment. Drafts can be changed; opening one freezes what is shown and how."""

    class State(models.TextChoices):
        """Draft, then open, then closed; a closed study may be opened again, unchanged."""

        DRAFT = "draft", "Draft"
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=200, help_text="For researchers; raters do not see it.")
    state = models.CharField(max_length=6, choices=State, default=State.DRAFT, editable=False)
    stimuli = models.ManyToManyField(Stimulus, through="StudyStimulus")
    researchers = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        through="Member",
        blank=True,
        help_text="Who works on the study, each in a role.",
    )
    approves = models.BooleanField(
        "raters are approved",
        default=False,
        editable=False,
        help_text="Whoever finished waits until somebody accepts their work, to pay them by it.",
    )
    planned_raters = models.PositiveSmallIntegerField(
        default=26,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_RATERS)],
        help_text="How many are to finish, decided beforehand; see `manage.py plan_raters`.",
    )
    least_correlation = models.FloatField(
        "least correlation with the others",
        default=0.75,
        validators=[MinValueValidator(-1), MaxValueValidator(1)],
        help_text="Raters below it are flagged; results are shown with and without them.",
    )
    wanted = models.JSONField(
        null=True,
        editable=False,
        help_text="Of a draft that is made in a browser, what it is to show, made or not: "
        '{SET: {"methods": [...], "without": [names of images]}}.',
    )
    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    put_away_at = models.DateTimeField(
        null=True, editable=False, help_text="When it was taken out of the list of studies."
    )
    stimuli_sha256 = models.CharField(
        "checksum of all stimuli",
        max_length=64,
        blank=True,
        editable=False,
        help_text="SHA-256 over the sorted checksums of the files, set when the study opens.",
    )

    FROZEN = ("slug", *Protocol.PROTOCOL)
    """Fields that do not change once the study has been opened."""
    DECLARED = ("planned_raters", "least_correlation")
    """What the analysis was told beforehand; frozen with them."""

    objects = StudyQuerySet.as_manager()

    rights: frozenset[Right] = frozenset()
    """What whoever asks for this page may do with it, see `study.site.access.study_for`."""

    class Meta:
        verbose_name_plural = "studies"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["draft", "open", "closed"]), name="study_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", opened_at__isnull=True)
                | (~Q(state="draft") & Q(opened_at__isnull=False)),
                name="study_open_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; raises ``ValidationError`` if a frozen field of an opened study has changed."""
        if self.pk:
            stored = Study.objects.filter(pk=self.pk, opened_at__isnull=False)
            for before in stored.values(*self.FROZEN, *self.DECLARED):
                for field in (*self.FROZEN, *self.DECLARED):
                    if before[field] != getattr(self, field):
                        raise ValidationError(
                            f"{field} of {self.slug} was frozen when the study was opened"
                        )
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """The researcher's page."""
        return reverse("study", args=[self.slug])

    def images_each(self) -> int:
        """How many images one rater rates, those shown a second time counted twice."""
        return self.images_of(self.stimuli.count())

    def effort_each(self) -> dict[str, int]:
        """What one rater is in for, see `Protocol.effort`."""
        return self.effort(self.stimuli.count())

    @property
    def frozen(self) -> bool:
        """Whether raters may have seen it: nothing that they see changes any more."""
        return self.state != self.State.DRAFT


class StudyStimulus(models.Model):
    """A stimulus is shown in a study. Rows come and go while the study is a draft, then stay."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE)
    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT)

    class Meta:
        verbose_name_plural = "stimuli of the study"
        constraints = [
            models.UniqueConstraint(fields=["study", "stimulus"], name="stimulus_once_per_study")
        ]

    def __str__(self) -> str:
        return f"{self.stimulus} in {self.study.slug}"


class Anchor(models.Model):
    """An image of known quality for calibrating raters: the worst, a 1, or the original, a 5."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="anchors")
    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT)
    score = models.PositiveSmallIntegerField(help_text="What it stands for: 1 or 5.")

    class Meta:
        ordering = ["study", "stimulus"]
        constraints = [
            models.UniqueConstraint(fields=["study", "stimulus"], name="anchor_once_per_study"),
            models.CheckConstraint(condition=Q(score__in=[1, 5]), name="anchor_is_1_or_5"),
        ]

    def __str__(self) -> str:
        return f"{self.stimulus}, a {self.score}"


def new_token() -> str:
    """128 random bits as a URL-safe text of 22 characters."""
    return secrets.token_urlsafe(16)


class Invitation(models.Model):
    """A personal link to a study, for one rater, on any number of devices."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="invitations")
    number = models.PositiveIntegerField(help_text="1, 2, 3 ... within the study.")
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    name = models.CharField(
        "name or note",
        max_length=200,
        blank=True,
        help_text="For researchers alone: in no export, and deleted with the rater's data.",
    )
    mail = models.EmailField("mail address", blank=True, help_text="As the name.")
    replaces = models.OneToOneField(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="replaced_by",
        help_text="The revoked link in whose place this one was made.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["study", "number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="invitation_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.study.slug} #{self.number}"

    def get_absolute_url(self) -> str:
        """The link that the rater is sent, without the site's address."""
        return reverse("enter", args=[self.token])

    @property
    def named(self) -> bool:
        """Whether something that tells whose it is stands beside the link."""
        return bool(self.name or self.mail)

    def chain(self) -> list[Invitation]:
        """This link with those that it replaced and those in its place: one person's, in order."""
        found = [self]
        while (before := found[0].replaces) is not None:
            found.insert(0, before)
        while (after := Invitation.objects.filter(replaces=found[-1]).first()) is not None:
            found.append(after)
        return found
