"""What happened: raters, their sessions, the trials planned for them and the ratings given."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from study.models.catalog import Stimulus
from study.models.design import Invitation, Study, new_token


class Rater(models.Model):
    """One observer in one study. ``position`` is the number of trials done: the only progress."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT)
    invitation = models.OneToOneField(Invitation, on_delete=models.PROTECT, null=True, blank=True)
    number = models.PositiveIntegerField(help_text="1, 2, 3 ... within the study.")
    simulated = models.BooleanField(
        default=False, help_text="Played by the program to rehearse the study; never a person."
    )
    position = models.PositiveIntegerField(default=0)
    enrolled_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["study", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "simulated", "number"], name="rater_number_once"
            ),
            models.CheckConstraint(
                condition=Q(simulated=True, invitation__isnull=True)
                | Q(simulated=False, invitation__isnull=False),
                name="people_come_by_invitation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study.slug} {self.label}"

    @property
    def label(self) -> str:
        """The name of this rater in tables and exports: no person's name is ever asked."""
        return f"{'S' if self.simulated else 'R'}{self.number:03d}"


class Session(models.Model):
    """One sitting. Holds the seed from which the order of its trials was made."""

    rater = models.ForeignKey(Rater, on_delete=models.CASCADE)
    number = models.PositiveSmallIntegerField(default=1)
    seed = models.BigIntegerField()
    gap = models.PositiveSmallIntegerField(
        help_text="Images between two of the same source that this order really keeps."
    )
    started_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["rater", "number"]
        constraints = [
            models.UniqueConstraint(fields=["rater", "number"], name="session_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.rater}, session {self.number}"


class TrialQuerySet(models.QuerySet["Trial"]):
    """Reads of several trials."""

    def upcoming(self, rater: Rater, count: int) -> TrialQuerySet:
        """The next ``count`` trials that are due to ``rater``, the first one now."""
        return (
            self.filter(rater=rater, position__gte=rater.position)
            .select_related("stimulus")
            .order_by("position")[:count]
        )


class Trial(models.Model):
    """One place in a rater's plan. The token names the image to the browser and tells nothing."""

    rater = models.ForeignKey(Rater, on_delete=models.CASCADE)
    session = models.ForeignKey(Session, on_delete=models.CASCADE)
    position = models.PositiveIntegerField(help_text="0, 1, 2 ... over all sessions of the rater.")
    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT)
    repeat = models.BooleanField(default=False, help_text="A declared retest of this stimulus.")
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)

    objects = TrialQuerySet.as_manager()

    class Meta:
        ordering = ["rater", "position"]
        constraints = [
            models.UniqueConstraint(fields=["rater", "position"], name="one_trial_per_position"),
            models.UniqueConstraint(
                fields=["rater", "stimulus"],
                condition=Q(repeat=False),
                name="stimulus_once_per_rater",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rater}, trial {self.position}"


class RatingQuerySet(models.QuerySet["Rating"]):
    """Reads of several ratings."""

    def cells(self, study: Study, *, simulated: bool) -> list[dict[str, Any]]:
        """Every rating of people, or of simulated raters, as plain rows in the order given."""
        return list(
            self.filter(trial__rater__study=study, trial__rater__simulated=simulated)
            .order_by("trial__rater__number", "trial__position")
            .values(
                "score",
                "response_ms",
                "device_pixel_ratio",
                "viewport_width",
                "viewport_height",
                "shown_width",
                "shown_height",
                "browser",
                "received_at",
                "client_id",
                number=F("trial__rater__number"),
                session=F("trial__session__number"),
                position=F("trial__position"),
                repeat=F("trial__repeat"),
                set=F("trial__stimulus__source__dataset__name"),
                image=F("trial__stimulus__source__name"),
                method=F("trial__stimulus__method__name"),
                stimulus_sha256=F("trial__stimulus__sha256"),
            )
        )


class Rating(models.Model):
    """One vote: 5 excellent, 4 good, 3 fair, 2 poor, 1 bad (ITU-R BT.500, ITU-T P.910, ACR)."""

    class Score(models.IntegerChoices):
        """The five categories, best first as ITU's recommendations print them."""

        EXCELLENT = 5, "Excellent"
        GOOD = 4, "Good"
        FAIR = 3, "Fair"
        POOR = 2, "Poor"
        BAD = 1, "Bad"

    trial = models.OneToOneField(Trial, on_delete=models.CASCADE)
    score = models.PositiveSmallIntegerField(
        choices=Score, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    client_id = models.UUIDField(unique=True, help_text="Made by the browser for this vote.")
    received_at = models.DateTimeField(auto_now_add=True)
    response_ms = models.PositiveIntegerField(
        "milliseconds to the vote", null=True, help_text="From the image painted to the answer."
    )
    device_pixel_ratio = models.FloatField(null=True)
    viewport_width = models.PositiveIntegerField("viewport width, CSS px", null=True)
    viewport_height = models.PositiveIntegerField("viewport height, CSS px", null=True)
    shown_width = models.FloatField("image width, CSS px", null=True)
    shown_height = models.FloatField("image height, CSS px", null=True)
    browser = models.CharField("browser family", max_length=20, blank=True)

    objects = RatingQuerySet.as_manager()

    class Meta:
        ordering = ["trial"]
        constraints = [
            models.CheckConstraint(condition=Q(score__range=(1, 5)), name="score_is_1_to_5")
        ]

    def __str__(self) -> str:
        return f"{self.trial}: {self.score}"
