"""From output files to stimuli in the database: what `generate` made becomes what raters see."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import transaction

from benchmarks import datasets
from benchmarks.files import write_whole
from benchmarks.outputs import Output, read_outputs
from sr_models.methods import METHODS
from study.models import Dataset, Method, SourceImage, Stimulus


def take_in(sets: Sequence[str], methods: Sequence[str]) -> list[Stimulus]:
    """The stimuli of ``sets`` by ``methods``, made from the outputs in ``OUTPUTS_DIR``.

    Each file is copied, under the name of its checksum, to where nothing overwrites it. Raises
    ``ValueError`` naming what has not been generated.
    """
    outputs = read_outputs(settings.OUTPUTS_DIR, sets=sets, methods=methods)
    with transaction.atomic():
        return [_stimulus(output) for output in outputs]


def _stimulus(output: Output) -> Stimulus:
    dataset, _ = Dataset.objects.get_or_create(
        name=output.set, defaults={"title": datasets.manifest(output.set).title}
    )
    source, _ = SourceImage.objects.get_or_create(dataset=dataset, name=output.image)
    place = list(METHODS).index(output.method)
    method, _ = Method.objects.update_or_create(
        name=output.method, defaults={"title": METHODS[output.method].title, "place": place}
    )
    stimulus, _ = Stimulus.objects.update_or_create(
        source=source,
        method=method,
        sha256=output.sha256,
        defaults={
            "width": output.width,
            "height": output.height,
            "psnr": output.psnr,
            "ssim": output.ssim,
            "ssim_daala": output.ssim_daala,
            "lpips": output.lpips,
        },
    )
    _keep(output.path, stimulus)
    return stimulus


def _keep(path: Path, stimulus: Stimulus) -> None:
    """Copy ``path`` to the stimulus's own place, whole or not at all."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != stimulus.sha256:
        raise ValueError(f"{path} changed while it was read; run the command again")
    if not stimulus.path.exists():
        write_whole(stimulus.path, content)
