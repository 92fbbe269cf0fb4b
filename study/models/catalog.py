"""What can be shown: image sets, their sources, the methods, and what each made of each."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models


class Dataset(models.Model):
    """A set of source images, such as Set5."""

    name = models.SlugField(unique=True)
    title = models.CharField(max_length=100)

    class Meta:
        ordering = ["pk"]

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
    psnr = models.FloatField("PSNR, dB", null=True, help_text="Empty where it is infinite.")
    ssim = models.FloatField("SSIM (Wang)", null=True)
    ssim_daala = models.FloatField("SSIM (daala, as in the paper)", null=True)
    lpips = models.FloatField("LPIPS (AlexNet)", null=True)
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
