"""Long work that somebody asked for in a browser, and how far it has come.

A row says what is to be there in the end, not how far a program was: whoever carries a job out
finds what is missing, so that the same job can be begun any number of times.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from study.models.design import Study

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


SILENT = timedelta(minutes=1)
"""After which a holder that has not been seen is taken to be gone."""

TRIES = 3
"""How often whoever is at a job may be gone without a word before it got further than ever."""

MOST_NAMED = 6
"""Sets or methods that are named where a job is told in a line."""


class JobQuerySet(models.QuerySet["Job"]):
    """Reads of several jobs."""

    def visible_to(self, user: User | AnonymousUser) -> JobQuerySet:
        """Those of this person's studies, and of the catalogue; a superuser sees all of them."""
        if not user.is_authenticated:
            return self.none()
        mine = Q(study=None) | Q(study__in=Study.objects.visible_to(user))
        return self if user.is_superuser else self.filter(mine)

    def due(self) -> JobQuerySet:
        """Those that are not over, the oldest first."""
        return self.filter(state__in=[Job.State.WAITING, Job.State.RUNNING]).order_by("pk")


class Job(models.Model):
    """One piece of long work."""

    class Kind(models.TextChoices):
        """What there can be to do."""

        GENERATE = "generate", "Make and measure outputs"
        MEASURE = "measure", "Give a study figures that were measured since"
        FETCH = "add benchmark", "Bring in a benchmark set"
        ADD_SET = "add set", "Bring in a set"
        ADD_OUTPUTS = "add outputs", "Bring in outputs of a method"
        ADD_MODEL = "add model", "Bring in a model"
        ARCHIVE = "archive", "Make an archive"
        REHEARSE = "rehearse", "Play simulated raters"
        MAIL = "mail", "Send mail to raters"

    class State(models.TextChoices):
        """A job that runs and whose worker is gone is begun again."""

        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    OVER = (State.DONE, State.FAILED, State.CANCELLED)

    kind = models.CharField(max_length=15, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    study = models.ForeignKey(
        Study,
        on_delete=models.CASCADE,
        null=True,
        related_name="jobs",
        help_text="If it is of one.",
    )
    what = models.JSONField(default=dict, help_text="What is to be there in the end.")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    account = models.CharField(max_length=150, blank=True)
    address = models.CharField(max_length=45, blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, help_text="When it was begun the latest time.")
    ended_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, help_text="When its holder was seen last.")
    holder = models.CharField(max_length=200, blank=True, help_text="Host and process at it.")
    done = models.PositiveIntegerField(default=0, help_text="Of total, since it was begun.")
    total = models.PositiveIntegerField(null=True)
    unit = models.CharField(max_length=20, blank=True, help_text="What is counted: images, raters.")
    at_work_on = models.CharField(max_length=200, blank=True)
    rate = models.FloatField(null=True, help_text="Of the unit in a second, while it runs.")
    seconds_left = models.FloatField(null=True, help_text="As it looked when the last was done.")
    vain = models.PositiveSmallIntegerField(
        null=True, help_text="How often its holder was gone without a word since it got on."
    )
    least_left = models.PositiveIntegerField(
        null=True, help_text="Of the unit, when a holder that is gone had come furthest."
    )
    cancel_asked = models.BooleanField(default=False)
    told = models.TextField(blank=True, help_text="What came of it, or the reason of a failure.")

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running", "done", "failed", "cancelled"]),
                name="job_state_is_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.state})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; what is too long for its column is cut, as a name of a file can be."""
        self.at_work_on = self.at_work_on[:200]
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("job", args=[self.pk])

    @property
    def wish(self) -> str:
        """What is to be there in the end, for people."""
        what = self.what
        name, title = what.get("name", ""), self.study.title if self.study else "a study"
        match self.kind:
            case self.Kind.GENERATE:
                methods, sets = (_listed(what.get(each)) for each in ("methods", "sets"))
                return f"Outputs of {sets or 'no set'} by {methods or 'every method'}"
            case self.Kind.FETCH:
                return f"The images of {name}"
            case self.Kind.ADD_SET:
                return f"The image set {name}"
            case self.Kind.ADD_OUTPUTS:
                sets = _listed(what.get("sets"))
                return f"Outputs of the method {name}{f' over {sets}' * bool(sets)}"
            case self.Kind.ADD_MODEL:
                return f"The method {name}, from a model file"
            case self.Kind.MEASURE:
                return f"The latest figures of measures for the images of {title}"
            case self.Kind.ARCHIVE:
                simulated = " by simulated raters" * (what.get("raters") == "simulated")
                return f"An archive of the ratings of {title}{simulated}"
            case self.Kind.REHEARSE:
                return f"Ratings of {title} by {what.get('raters')} simulated raters"
            case self.Kind.MAIL:
                return f"Mail to the raters of {title}"
        return self.get_kind_display()

    @property
    def result(self) -> str:
        """The address of the page on which what came of it is seen; empty before it is done."""
        if self.state != self.State.DONE:
            return ""
        if self.study:
            simulated = self.kind == self.Kind.REHEARSE or self.what.get("raters") == "simulated"
            return self.study.get_absolute_url() + "?raters=simulated" * simulated
        name = self.what.get("name", "")
        match self.kind:
            case self.Kind.FETCH | self.Kind.ADD_SET:
                return reverse("set_page", args=[name])
            case self.Kind.ADD_OUTPUTS | self.Kind.ADD_MODEL:
                return reverse("method_page", args=[name])
        return reverse("catalogue")

    @property
    def over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state in self.OVER

    @property
    def lost(self) -> bool:
        """Whether whoever was at it has not been seen for a while."""
        seen = self.seen_at
        return self.state == self.State.RUNNING and not (
            seen and abs(timezone.now() - seen) < SILENT  # a clock may have been put back
        )

    @property
    def took(self) -> timedelta | None:
        """For how long it has been, or was, at work."""
        if self.started_at is None:
            return None
        return max((self.ended_at or timezone.now()) - self.started_at, timedelta())

    @property
    def took_said(self) -> str:
        """The same for people; empty if it was not begun."""
        if self.took is None:
            return ""
        seconds = round(self.took.total_seconds())
        if seconds < 120:
            return f"{seconds} s"
        minutes = round(seconds / 60)
        return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"

    @property
    def in_short(self) -> str:
        """What came of it in a line: the first of what is told, of which the rest is a list."""
        return self.told.partition("\n")[0]

    @property
    def pace(self) -> str:
        """How fast it goes, or went, for people."""
        rate = self.rate
        if rate and self.over and self.done and self.took:
            rate = self.done / self.took.total_seconds()
        if not (rate and self.done):
            return ""
        said = f"{rate:.{int(rate < 10) + int(rate < 1)}f} {self.unit or 'images'} a second"
        return said if rate >= 0.1 else f"{said}, one in {1 / rate:.0f} s"

    @property
    def left(self) -> str:
        """How long it will still take, for people: as it looked when the last one was done."""
        seconds = self.seconds_left
        if self.state != self.State.RUNNING or seconds is None:
            return ""
        for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
            if seconds > 1.5 * size:
                return f"about {seconds / size:.0f} {unit}s left"
        return "about a minute left" if seconds > 20 else "some seconds left"


def _listed(names: list[str] | None) -> str:
    first = (names or [])[:MOST_NAMED]
    more = len(names or ()) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")
