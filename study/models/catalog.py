"""What can be shown: image sets, their sources, the methods, and what each made of each."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models


class Dataset(models.Model):
    """A set of source images, such as Set5."""

    name = models.SlugField(unique=True)
    title = models.CharField(max_length=100)
    scale = models.PositiveSmallIntegerField(default=4, help_text="By how much it is enlarged.")
    references = models.BooleanField(
        default=True, help_text="Whether its images are originals that outputs can be held against."
    )

    class Meta:
        ordering = ["pk"]
        permissions = [
            (
                "add_to_catalogue",
                "Can bring sets and methods into the catalogue and have outputs made",
            )
        ]

    def __str__(self) -> str:
        return self.name


class SourceImage(models.Model):
    """One original image; all stimuli made from it show the same scene."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["dataset", "name"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "name"], name="source_once_per_dataset")
        ]

    def __str__(self) -> str:
        return f"{self.dataset}/{self.name}"


class Method(models.Model):
    """One way to make an HR image: a version in the paper's sense, the original among them."""

    name = models.SlugField(unique=True)
    title = models.CharField(max_length=100)
    place = models.PositiveSmallIntegerField(help_text="Order in tables, lowest first.")

    class Meta:
        ordering = ["place"]

    def __str__(self) -> str:
        return self.title


class Stimulus(models.Model):
    """One image file as raters see it: a method's output on a source, named by its checksum.

    The file is a copy in ``STIMULI_DIR`` that nothing overwrites: making the outputs again with
    other weights makes another stimulus, and a running study keeps the ones it was opened with.
    """

    source = models.ForeignKey(SourceImage, on_delete=models.PROTECT, related_name="stimuli")
    method = models.ForeignKey(Method, on_delete=models.PROTECT, related_name="stimuli")
    sha256 = models.CharField("SHA-256 of the file", max_length=64)
    length = models.PositiveIntegerField("length of the file, bytes", null=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    fault = models.CharField(
        max_length=200,
        blank=True,
        help_text="What is wrong with the file, found when it was to be shown; `manage.py verify` "
        "clears it.",
    )

    class Meta:
        verbose_name_plural = "stimuli"
        ordering = ["source", "method"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "method", "sha256"], name="stimulus_once_per_content"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} by {self.method.name}"

    @property
    def path(self) -> Path:
        """Where the file lies; the name tells nothing but its content."""
        return Path(settings.STIMULI_DIR) / self.sha256[:2] / f"{self.sha256}.png"


class Measure(models.Model):
    """A way to say by computing how good an image is, such as PSNR, and which way is better."""

    name = models.SlugField(unique=True, help_text="As columns of files have it.")
    title = models.CharField(max_length=100)
    higher_is_better = models.BooleanField()
    decimals = models.PositiveSmallIntegerField(help_text="In tables.")
    place = models.PositiveSmallIntegerField(help_text="Order in tables, lowest first.")

    class Meta:
        ordering = ["place", "name"]

    def __str__(self) -> str:
        return self.title


class StimulusMeasure(models.Model):
    """What a measure says of a stimulus; infinite is a value."""

    stimulus = models.ForeignKey(Stimulus, on_delete=models.CASCADE, related_name="measures")
    measure = models.ForeignKey(Measure, on_delete=models.PROTECT, related_name="values")
    version = models.CharField(max_length=40, help_text="Of the measure, or where it is from.")
    value = models.FloatField()

    class Meta:
        ordering = ["stimulus", "measure"]
        constraints = [
            models.UniqueConstraint(
                fields=["stimulus", "measure"], name="measure_once_per_stimulus"
            )
        ]

    def __str__(self) -> str:
        return f"{self.measure} of {self.stimulus}: {self.value}"


class SetMeasure(models.Model):
    """What a measure says of a method's outputs of a whole set together, such as FID.

    ``stimuli_sha256`` is over the checksums of these outputs, sorted: the value is about no others.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="measures")
    method = models.ForeignKey(Method, on_delete=models.CASCADE, related_name="measures")
    stimuli_sha256 = models.CharField(max_length=64)
    measure = models.ForeignKey(Measure, on_delete=models.PROTECT, related_name="set_values")
    version = models.CharField(max_length=40, help_text="Of the measure, or where it is from.")
    value = models.FloatField()

    class Meta:
        ordering = ["dataset", "method", "measure"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "method", "stimuli_sha256", "measure"],
                name="measure_once_per_outputs",
            )
        ]

    def __str__(self) -> str:
        return f"{self.measure} of {self.method} on {self.dataset}: {self.value}"
