"""The rules of a rating session as a study sets them; frozen with the study when it opens.

The defaults are those of ITU-R BT.500 and ITU-T P.910 where these give a number, and no screening
and no calibration: a preset, or the admin on a draft, asks for those.
"""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from study.models.roots import check_calibration_folder
from study.plan import Rules, lengths

SECONDS_PER_VOTE = 6
"""For estimates before a rater has voted: 5 to 7 s were measured in published browser studies."""

SECONDS_OF_READING = 60
"""For estimates: the consent and the instructions, some 250 words that are read once."""

LONGEST_SESSION = 30
"""Minutes of active time, the most that ITU-R BT.500 allows."""


def _whole(
    default: int, least: int, most: int, text: str
) -> models.PositiveSmallIntegerField[int, int]:
    """A whole number from ``least`` to ``most``."""
    limits = [MinValueValidator(least), MaxValueValidator(most)]
    return models.PositiveSmallIntegerField(default=default, validators=limits, help_text=text)


def _optional(
    least: int, most: int, text: str
) -> models.PositiveSmallIntegerField[int | None, int | None]:
    """A whole number from ``least`` to ``most``, or nothing."""
    limits = [MinValueValidator(least), MaxValueValidator(most)]
    return models.PositiveSmallIntegerField(
        null=True, blank=True, validators=limits, help_text=text
    )


class Protocol(models.Model):
    """What a rater of a study reads, passes and does."""

    class Language(models.TextChoices):
        """The languages that the pages of raters are written in."""

        BROWSER = "", "The language that the rater's browser asks for"
        ENGLISH = "en", "English"
        GERMAN = "de", "Deutsch"

    language = models.CharField(
        max_length=2,
        choices=Language,
        blank=True,
        help_text="Of the pages. Texts of your own below are shown as they are: name their "
        "language here.",
    )
    consent = models.TextField(
        "text of the consent",
        blank=True,
        help_text="Markdown. Empty: the standard text. What a rater agreed to is stored with them.",
    )
    instructions = models.TextField(blank=True, help_text="Markdown. Empty: the standard text.")
    texts = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="Texts of single languages, which go before those above: "
        '{"consent": {"en": ..., "de": ...}, "instructions": {...}}.',
    )
    researcher = models.CharField(
        max_length=200, blank=True, help_text="Who asks: the name of the person responsible."
    )
    institution = models.CharField(max_length=200, blank=True, help_text="For whom they ask.")
    contact = models.CharField(
        max_length=200, blank=True, help_text="Where questions go: a mail address or a telephone."
    )
    ethics = models.CharField(
        "ethics approval",
        max_length=200,
        blank=True,
        help_text="Committee and number, or why none.",
    )
    storage = models.CharField(
        "storage time", max_length=200, blank=True, help_text="For how long answers are kept."
    )

    screen_device = models.BooleanField(
        "only desktops and laptops", default=False, help_text="Phones and tablets are turned away."
    )
    screen_window = models.BooleanField(
        "the window must hold the images",
        default=False,
        help_text="Pixel by pixel, for the largest image of the study.",
    )
    screen_vision = models.BooleanField(
        "ask for corrected vision",
        default=False,
        help_text="Whoever does not see sharply at this screen, glasses on, does not take part.",
    )
    plates = _whole(0, 0, 12, "Colour plates to be read, 0 for none. ITU-R BT.500 asks for some.")
    plate_errors = _whole(1, 0, 12, "Colour plates that may be misread.")

    calibrate = models.BooleanField(
        "calibration",
        default=False,
        help_text="Examples of a 1 and of a 5 before the first vote, then a check on unseen ones.",
    )
    calibration_folder = models.CharField(
        max_length=500,
        blank=True,
        validators=[check_calibration_folder],
        help_text="A folder of images that no rater of this study rates, in CALIBRATION_DIR or "
        "one of CALIBRATION_ROOTS. Empty: CALIBRATION_DIR itself; where no set has originals, the "
        "images of the sets.",
    )
    calibration_set = models.SlugField(
        blank=True,
        help_text="A set of the catalogue whose images are calibrated on, in place of a folder.",
    )
    calibration_left_out = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="Names of images of that folder or set that no rater is to see.",
    )
    calibration_examples = _whole(2, 1, 10, "Images shown as examples, each as a 1 and as a 5.")
    calibration_checks = _whole(6, 2, 20, "Unseen images asked for in the check.")
    calibration_errors = _whole(
        1, 0, 20, "Answers more than one point off that still pass the check."
    )
    calibration_attempts = _whole(2, 1, 5, "Calibrations before a rater is turned away.")

    session_minutes = _whole(
        LONGEST_SESSION, 1, LONGEST_SESSION, "Active time after which a session ends."
    )
    sessions = _optional(
        1, 50, "Sittings to divide the images into. Empty: as many as that time needs."
    )
    break_minutes = _whole(10, 0, 1440, "The least between two sessions.")
    first_stabilising = _whole(5, 0, 20, "Trials that open the first session, never analysed.")
    later_stabilising = _whole(3, 0, 20, "Trials that open every later session, never analysed.")

    source_gap = _whole(3, 0, 100, "Other images between two of one source, where possible.")
    longest_run = _whole(2, 1, 100, "At most this many images by one method in a row.")
    retests = _whole(0, 0, 1000, "Images shown a second time, far from the first, undeclared.")
    share = _optional(1, 10_000, "Images for each rater, dealt out evenly. Empty: all of them.")

    shortest_view_ms = _whole(300, 0, 5000, "Milliseconds for which an image is seen at least.")
    undo_seconds = _whole(5, 0, 10, "How long the latest answer can be taken back; 0: never.")
    hint_seconds = _whole(15, 5, 120, "Hesitation after which a hint says not to think too long.")

    PROTOCOL = (
        "language", "consent", "instructions", "texts",
        "researcher", "institution", "contact", "ethics", "storage",
        "screen_device", "screen_window", "screen_vision", "plates", "plate_errors",
        "calibrate", "calibration_folder", "calibration_set", "calibration_left_out",
        "calibration_examples", "calibration_checks", "calibration_errors", "calibration_attempts",
        "session_minutes", "sessions", "break_minutes", "first_stabilising", "later_stabilising",
        "source_gap", "longest_run", "retests", "share",
        "shortest_view_ms", "undo_seconds", "hint_seconds",
    )  # fmt: skip
    """Every field above: what the protocol of a study is."""

    class Meta:
        abstract = True

    @property
    def screens(self) -> bool:
        """Whether anything is asked before a rater may take part."""
        return bool(self.screen_device or self.screen_window or self.screen_vision or self.plates)

    def sittings(self, trials: int) -> int:
        """Sessions for so many trials: as set, else what fits with a sixth of the time to spare.

        The paper's 1128 trials take five sessions of at most 30 minutes.
        """
        if self.sessions:
            return self.sessions
        seconds = self.session_minutes * 60 * 5 / 6
        return max(1, -int(-trials * SECONDS_PER_VOTE // seconds))

    def images_of(self, shown: int) -> int:
        """How many images one rater rates of so many ``shown``, second showings counted too."""
        each = min(self.share or shown, shown)
        return each + min(self.retests, each)

    @property
    def calibration_images(self) -> int:
        """How many images a rater sees in a calibration, an example as a 1 and as a 5."""
        return 2 * self.calibration_examples + self.calibration_checks if self.calibrate else 0

    def effort(self, shown: int) -> dict[str, int]:
        """What a rater is in for of a study that shows so many images.

        ``total``: images of all sessions, second showings and stabilising ones too, as the planner
        deals them; ``calibration``: images before them; ``sessions``; ``minutes`` of all that, of
        the colour plates and of reading, breaks left out.
        """
        opening, rest = lengths(self.images_of(shown), shown, self.rules(shown))
        total = sum(opening) + sum(rest)
        looked_at = total + self.calibration_images + self.plates
        return {
            "total": total,
            "calibration": self.calibration_images,
            "minutes": round((looked_at * SECONDS_PER_VOTE + SECONDS_OF_READING) / 60),
            "sessions": len(rest),
        }

    def rules(self, shown: int) -> Rules:
        """What the planner is asked for, of a study that shows so many images."""
        return Rules(
            source_gap=self.source_gap,
            longest_run=self.longest_run,
            sessions=self.sittings(self.images_of(shown)),
            retests=self.retests,
            share=self.share,
            first_stabilising=self.first_stabilising,
            later_stabilising=self.later_stabilising,
        )
