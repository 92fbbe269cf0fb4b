"""From output files to stimuli in the database: what `generate` made becomes what raters see."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.db import transaction

from benchmarks import datasets
from benchmarks.files import write_whole
from benchmarks.outputs import Output, Report, generate, read_outputs
from sr_models.methods import METHODS
from study.models import Dataset, Method, SourceImage, Stimulus


def make_outputs(
    sets: Sequence[str], methods: Sequence[str], *, device: str = "auto", progress: bool = True
) -> Report:
    """Make and measure what is missing of ``methods`` over ``sets`` in ``OUTPUTS_DIR``."""
    return generate(
        benchmarks_dir=settings.BENCHMARKS_DIR,
        outputs_dir=settings.OUTPUTS_DIR,
        sets=sets,
        methods=methods,
        device=device,
        perceptual_dir=settings.PERCEPTUAL_WEIGHTS_DIR,
        progress=progress,
    )


def take_in(sets: Sequence[str], methods: Sequence[str]) -> list[Stimulus]:
    """The stimuli of ``sets`` by ``methods``, made from the outputs in ``OUTPUTS_DIR``.

    Each file is copied, under the name of its checksum, to where nothing overwrites it. Raises
    ``ValueError`` naming what has not been generated.
    """
    outputs = read_outputs(settings.OUTPUTS_DIR, sets=sets, methods=methods)
    with transaction.atomic():
        return [_taken(output) for output in outputs]


def _taken(output: Output) -> Stimulus:
    content = output.path.read_bytes()
    if hashlib.sha256(content).hexdigest() != output.sha256:
        raise ValueError(f"{output.path} changed while it was read; run the command again")
    return keep(
        content,
        dataset=image_set(output.set, title=datasets.manifest(output.set).title),
        image=output.image,
        method=output.method,
        size=(output.width, output.height),
        measures={
            "psnr": output.psnr,
            "ssim": output.ssim,
            "ssim_daala": output.ssim_daala,
            "lpips": output.lpips,
        },
    )


def image_set(name: str, *, title: str) -> Dataset:
    """The image set of that name, made when it is first used."""
    return Dataset.objects.get_or_create(name=name, defaults={"title": title})[0]


def keep(
    content: bytes,
    *,
    dataset: Dataset,
    image: str,
    method: str,
    size: tuple[int, int],
    measures: Mapping[str, float | None] | None = None,
) -> Stimulus:
    """The stimulus whose file is ``content``, a PNG of ``size`` (width, height); kept for good.

    ``method`` made it from ``image``. The file lies under its checksum, whole or not at all;
    ``measures`` replace what was known of the same file.
    """
    place, known = list(METHODS).index(method), METHODS[method]
    row, _ = Method.objects.update_or_create(
        name=method, defaults={"title": known.title, "place": place}
    )
    source, _ = SourceImage.objects.get_or_create(dataset=dataset, name=image)
    stimulus, _ = Stimulus.objects.update_or_create(
        source=source,
        method=row,
        sha256=hashlib.sha256(content).hexdigest(),
        defaults={"width": size[0], "height": size[1], **(measures or {})},
    )
    if not stimulus.path.exists():
        write_whole(stimulus.path, content)
    return stimulus
