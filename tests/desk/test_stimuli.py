"""What is measured later is known of the studies that show the very files, and of no others."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command

from study.desk import exports, stimuli, studies
from study.models import Deed, StimulusMeasure
from tests.conftest import METHODS


@pytest.fixture(autouse=True)
def _sets(settings, generated):
    settings.BENCHMARKS_DIR = generated / "benchmarks"


def make() -> int:
    return stimuli.make_outputs(["Samples"], METHODS, progress=False, say=print).done


def run(slug: str) -> str:
    out = io.StringIO()
    call_command("measure", slug, stdout=out)
    return out.getvalue()


def told() -> list[dict]:
    deeds = Deed.objects.filter(kind=Deed.Kind.MEASURED).order_by("pk")
    return [{"study": deed.about, **deed.details} for deed in deeds]


def test_lpips_that_comes_later_reaches_the_studies_that_show_these_files(
    db, settings, alexnet_dir
):
    make()
    for slug in ("one", "two"):
        studies.create(slug, sets=["Samples"], methods=METHODS, opened=slug == "one")
    two = studies.get("two")
    other = two.stimuli.filter(method__name="nearest").first()
    two.stimuli.remove(*two.stimuli.exclude(pk=other.pk))
    type(other).objects.filter(pk=other.pk).update(sha256="0" * 64)  # of other weights, once
    assert exports.measures_frame(studies.get("one"))["lpips"].isna().all()
    before = dict(StimulusMeasure.objects.values_list("pk", "value"))

    settings.PERCEPTUAL_WEIGHTS_DIR = alexnet_dir
    assert make() == 15
    assert exports.measures_frame(studies.get("one"))["lpips"].isna().all()
    assert run("one") == "one: 14 new figures of its images\n"
    frame = exports.measures_frame(studies.get("one"))
    assert frame["lpips"].notna().sum() == 14
    assert (frame.loc[frame["method"] == "hr", "lpips"] == 0).all()
    assert not other.measures.filter(measure__name="lpips").exists()
    after = dict(StimulusMeasure.objects.values_list("pk", "value"))
    assert before.items() <= after.items(), "what was known stays"
    assert told() == [{"study": "one", "measures": "lpips", "figures": 14}]
    assert run("one") == "one: 0 new figures of its images\n"
    assert run("two") == "two: 0 new figures of its images\n"
    assert len(told()) == 1
