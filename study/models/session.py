"""What happened: raters, their sessions, the trials planned for them and the ratings given."""

from __future__ import annotations

import hashlib
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from study.models.catalog import Stimulus
from study.models.design import Invitation, Study, new_token


class Text(models.Model):
    """A text as raters were shown it, named by its checksum: what they agreed to, word for word."""

    sha256 = models.CharField("SHA-256 of the text", max_length=64, unique=True)
    language = models.CharField(max_length=7)
    text = models.TextField()

    def __str__(self) -> str:
        return f"{self.sha256[:12]} ({self.language})"

    @classmethod
    def keep(cls, text: str, language: str) -> Text:
        """The row of this text, made when it is first shown."""
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        row, _ = cls.objects.get_or_create(
            sha256=sha256, defaults={"language": language, "text": text}
        )
        return row


class RaterQuerySet(models.QuerySet["Rater"]):
    """Reads of several raters."""

    def waiting_for_approval(self) -> RaterQuerySet:
        """People who finished a study that approves raters, and whose work nobody accepted yet."""
        return self.filter(
            study__approves=True,
            simulated=False,
            erased=False,
            stage=Rater.Stage.FINISHED,
            approved_at=None,
        )


class Rater(models.Model):
    """One observer in one study. ``stage`` and ``position`` say which page is due to them.

    ``position`` is the number of trials done, those of the calibration and the stabilising ones
    included: the only progress.
    """

    class Stage(models.TextChoices):
        """The way through a study; the last three are ends."""

        SCREENING = "screening", "Screening"
        INSTRUCTIONS = "instructions", "Instructions"
        CALIBRATION = "calibration", "Calibration"
        RATING = "rating", "Rating"
        FINISHED = "finished", "Finished"
        SCREENED_OUT = "screened_out", "Screened out"
        WITHDRAWN = "withdrawn", "Withdrawn"

    ENDED = (Stage.FINISHED, Stage.SCREENED_OUT, Stage.WITHDRAWN)

    study = models.ForeignKey(Study, on_delete=models.PROTECT)
    invitation = models.OneToOneField(Invitation, on_delete=models.PROTECT, null=True, blank=True)
    number = models.PositiveIntegerField(help_text="1, 2, 3 ... within the study.")
    simulated = models.BooleanField(
        default=False, help_text="Played by the program to rehearse the study; never a person."
    )
    stage = models.CharField(max_length=12, choices=Stage, default=Stage.RATING)
    position = models.PositiveIntegerField(default=0)
    consent = models.ForeignKey(
        Text, on_delete=models.PROTECT, null=True, related_name="+", help_text="Agreed to."
    )
    instructions = models.ForeignKey(
        Text, on_delete=models.PROTECT, null=True, related_name="+", help_text="Read."
    )
    proof = models.JSONField(
        null=True, help_text="What the order of this rater's trials keeps: gaps, runs, lengths."
    )
    refusal = models.CharField(
        max_length=12, blank=True, help_text="Why a rater was turned away: vision, plates ..."
    )
    completion_code = models.CharField(
        max_length=16, blank=True, help_text="F- finished, S- screened out, W- withdrawn."
    )
    erased = models.BooleanField(
        default=False, help_text="The rater withdrew and had all that they did deleted."
    )
    approved_at = models.DateTimeField(
        null=True,
        help_text="When a researcher accepted this rater's work, where a study asks for it.",
    )
    enrolled_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField("latest vote", null=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    left_at = models.DateTimeField("screened out or withdrawn", null=True)

    objects = RaterQuerySet.as_manager()

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


class Screening(models.Model):
    """One attempt to be let in: what was answered, and why it was refused, if it was."""

    rater = models.ForeignKey(Rater, on_delete=models.CASCADE)
    refusal = models.CharField(max_length=12, blank=True, help_text="Empty: passed.")
    answers = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["rater", "pk"]

    def __str__(self) -> str:
        return f"{self.rater}: {self.refusal or 'passed'}"


class Session(models.Model):
    """One sitting, or one calibration. Holds the seed from which the order of its trials was made.

    Time is the server's: ``active_ms`` adds up what lay between the votes that arrived, long
    absences cut short.
    """

    rater = models.ForeignKey(Rater, on_delete=models.CASCADE)
    calibration = models.BooleanField(default=False)
    number = models.PositiveSmallIntegerField(default=1)
    seed = models.BigIntegerField()
    gap = models.PositiveSmallIntegerField(
        help_text="Images between two of the same source that this order really keeps."
    )
    started_at = models.DateTimeField(null=True, help_text="Empty: planned, not begun.")
    seen_at = models.DateTimeField("latest vote", null=True)
    ended_at = models.DateTimeField(null=True)
    active_ms = models.PositiveIntegerField("active time, ms", default=0)
    shown_until = models.DateTimeField(
        null=True, help_text="Before this moment no further image can have been seen long enough."
    )
    mistakes = models.PositiveSmallIntegerField(
        null=True, help_text="Of a calibration: answers in its check more than one point off."
    )
    passed = models.BooleanField(null=True, help_text="Of a calibration: whether that was enough.")

    class Meta:
        ordering = ["rater", "-calibration", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["rater", "calibration", "number"], name="session_number_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rater}, {'calibration' if self.calibration else 'session'} {self.number}"


class Trial(models.Model):
    """One place in a rater's plan. The token names the image to the browser and tells nothing."""

    class Kind(models.TextChoices):
        """What a trial is for."""

        EXAMPLE = "example", "Calibration: shown as a 1 or a 5"
        CHECK = "check", "Calibration: asked"
        STABILISING = "stabilising", "Opens a session, never analysed"
        MAIN = "main", "Rated and analysed"

    rater = models.ForeignKey(Rater, on_delete=models.CASCADE)
    session = models.ForeignKey(Session, on_delete=models.CASCADE)
    position = models.PositiveIntegerField(help_text="0, 1, 2 ... over all sessions of the rater.")
    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT)
    kind = models.CharField(
        max_length=11, choices=Kind, default=Kind.MAIN, help_text="Only main ones are analysed."
    )
    repeat = models.BooleanField(default=False, help_text="A declared retest of this stimulus.")
    anchor = models.PositiveSmallIntegerField(
        null=True, help_text="The score that an image of the calibration stands for."
    )
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    delivered_at = models.DateTimeField(
        null=True, help_text="When the image was first sent to the rater's browser."
    )

    class Meta:
        ordering = ["rater", "position"]
        # Every page of a study counts the main trials of its raters and what is rated of them.
        indexes = [models.Index(fields=["rater", "kind"], name="trial_of_kind")]
        constraints = [
            models.UniqueConstraint(fields=["rater", "position"], name="one_trial_per_position"),
            models.UniqueConstraint(
                fields=["rater", "stimulus"],
                condition=Q(repeat=False, kind="main"),
                name="stimulus_once_per_rater",
            ),
            models.CheckConstraint(
                condition=Q(repeat=False) | Q(kind="main"), name="only_main_trials_are_repeated"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rater}, trial {self.position}"


class RatingQuerySet(models.QuerySet["Rating"]):
    """Reads of several ratings."""

    def counted(self) -> RatingQuerySet:
        """Those that are analysed: neither of the calibration nor stabilising."""
        return self.filter(trial__kind=Trial.Kind.MAIN)

    def of(self, study: Study, *, simulated: bool) -> RatingQuerySet:
        """Those of people in ``study``, or of its simulated raters."""
        return self.filter(trial__rater__study=study, trial__rater__simulated=simulated)

    def cells(self, study: Study, *, simulated: bool) -> list[dict[str, Any]]:
        """Every counted rating of people, or of simulated raters, as plain rows, in order given."""
        rows = (
            self.counted()
            .of(study, simulated=simulated)
            .order_by("trial__rater__number", "trial__position")
            .values(
                "score",
                "response_ms",
                "since_delivery_ms",
                "device_pixel_ratio",
                "viewport_width",
                "viewport_height",
                "shown_width",
                "shown_height",
                "zoom",
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
        return [dict(row) for row in rows]


class Rating(models.Model):
    """One vote: 5 excellent, 4 good, 3 fair, 2 poor, 1 bad (ITU-R BT.500, ITU-T P.910, ACR)."""

    class Score(models.IntegerChoices):
        """The five categories, best first as ITU's recommendations print them."""

        EXCELLENT = 5, _("Excellent")
        GOOD = 4, _("Good")
        FAIR = 3, _("Fair")
        POOR = 2, _("Poor")
        BAD = 1, _("Bad")

    trial = models.OneToOneField(Trial, on_delete=models.CASCADE)
    score = models.PositiveSmallIntegerField(
        choices=Score, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    client_id = models.UUIDField(unique=True, help_text="Made by the browser for this vote.")
    received_at = models.DateTimeField(auto_now_add=True)
    response_ms = models.PositiveIntegerField(
        "milliseconds to the vote",
        null=True,
        help_text="For which the image was on the screen before the answer, pauses left out.",
    )
    since_delivery_ms = models.PositiveIntegerField(
        "milliseconds since delivery",
        null=True,
        help_text="From the image being sent to the vote's arrival, by this server's clock.",
    )
    taken_back_at = models.DateTimeField(null=True, help_text="When the rater took it back.")
    device_pixel_ratio = models.FloatField(null=True)
    viewport_width = models.PositiveIntegerField("viewport width, CSS px", null=True)
    viewport_height = models.PositiveIntegerField("viewport height, CSS px", null=True)
    shown_width = models.FloatField("image width, CSS px", null=True)
    shown_height = models.FloatField("image height, CSS px", null=True)
    zoom = models.FloatField(
        null=True, help_text="The browser's zoom, 1 for 100 %, as far as it can be told."
    )
    browser = models.CharField("browser family", max_length=20, blank=True)

    objects = RatingQuerySet.as_manager()

    class Meta:
        ordering = ["trial"]
        constraints = [
            models.CheckConstraint(condition=Q(score__range=(1, 5)), name="score_is_1_to_5")
        ]

    def __str__(self) -> str:
        return f"{self.trial}: {self.score}"


class Revision(models.Model):
    """The latest vote taken back and given anew within seconds: both scores are kept.

    The rating holds the score that counts; the one first given is here.
    """

    rating = models.OneToOneField(Rating, on_delete=models.CASCADE)
    original_score = models.PositiveSmallIntegerField()
    score = models.PositiveSmallIntegerField(choices=Rating.Score)
    client_id = models.UUIDField(unique=True, help_text="Made by the browser for this revision.")
    after_ms = models.PositiveIntegerField(
        help_text="From the vote to its being taken back, by this server's clock."
    )
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(score__range=(1, 5)) & Q(original_score__range=(1, 5)),
                name="revised_score_is_1_to_5",
            )
        ]

    def __str__(self) -> str:
        return f"{self.rating}, at first {self.original_score}"
