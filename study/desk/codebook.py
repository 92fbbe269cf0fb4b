"""What the columns of an archive's files hold, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from benchmarks.measures import COMPUTED
from sr_models import SCALE
from study.analysis import marks
from study.analysis.measures import OURS
from study.desk import exports
from study.desk.exports import ENLARGED_BY, Kind
from study.desk.measures import HELD_AGAINST_ORIGINALS, Measured
from study.models import Dataset, Deed, StimulusMeasure, Study

HAS_ORIGINAL = "has_original"
"""Whether a stimulus could be held against one; a column where not all could."""
SET_MEASURES = "set_measures.csv"
"""Figures of whole sets, where there are any."""
_STIMULUS = {
    "set": "set of source images", "image": "source image", "method": "what made the image",
    "stimulus_sha256": "SHA-256 of the image file that was shown",
}  # fmt: skip
_SCALE = {ENLARGED_BY: "scale of the set: how many times an LR image is as high and wide"}
_PLACE = {
    "rater": "R001, R002 ... for people, S001 ... for programs; no name was ever asked",
    "session": "number of the sitting, from 1", "position": "place in the rater's order, from 0",
    "repeat": "true for a declared retest: for the retest report alone",
    "raters_kind": "whose ratings this is about: people's, or a program's in a rehearsal",
}  # fmt: skip
CODEBOOK: dict[str, dict[str, str]] = {
    "ratings.csv": _PLACE | _STIMULUS | _SCALE | {
        "score": "5 excellent, 4 good, 3 fair, 2 poor, 1 bad (ACR, ITU-T P.910)",
        "simulated": "true if a program gave the rating",
        "response_ms": "milliseconds for which the image was on the screen before the answer",
        "since_delivery_ms": "milliseconds from the image being sent to the answer's arrival, by "
                             "the server's clock",
        "device_pixel_ratio": "device pixels to a CSS pixel; the image was shown pixel by pixel",
        "viewport_width": "window, CSS pixels", "viewport_height": "window, CSS pixels",
        "shown_width": "image as shown, CSS pixels", "shown_height": "image as shown, CSS pixels",
        "zoom": "the browser's zoom, 1 for 100 %", "browser": "family of the browser",
        "received_at": "time of the server, UTC", "client_id": "made by the browser for this vote",
    },
    "plan.csv": _PLACE | _STIMULUS | {
        "kind": "main: analysed; stabilising, or example and check of a calibration: never",
    },
    "sessions.csv": _PLACE | {
        "calibration": "true for a calibration, whose images are rated by nobody",
        "seed": "from which the order was drawn",
        "least_images_between_one_source": "other images between two of one source, as kept",
        "proof": "what the rater's whole order keeps, as the planner counted it, JSON",
    },
    "stimuli.csv": _PLACE | _STIMULUS | _SCALE | {
        "sha256": "SHA-256 of the image file", "width": "pixels", "height": "pixels",
        HAS_ORIGINAL: "true if the image that was enlarged was made of an original",
    },
    SET_MEASURES: _PLACE | _STIMULUS | {
        "measure": "what was computed of all images of the set by the method together",
        "value": "its figure", "version": "of the measure, or where it is from",
        "higher_is_better": "true or false",
        "stimuli_sha256": "SHA-256 over the checksums of these images, sorted",
    },
    "deeds.csv": _PLACE | {
        "at": "time of the server, UTC",
        "by": "account 1, account 2 ... in order of appearance, command line, or empty for the "
              "site itself; no name and no address",
        "details": "what of it, JSON: numbers, settings from what to what, names of files",
    },
}  # fmt: skip
"""Every column of the files above `tables/` but measures and kinds of deeds, by file."""
FIRST = {
    *(Deed.Kind.CREATED, Deed.Kind.CHANGED, Deed.Kind.DELETED, Deed.Kind.OPENED, Deed.Kind.CLOSED),
    *(Deed.Kind.INVITED, Deed.Kind.REVOKED, Deed.Kind.REHEARSED, Deed.Kind.LOOKED, Deed.Kind.TOOK),
    *(Deed.Kind.TOLD, Deed.Kind.ERASED, Deed.Kind.FAULT, Deed.Kind.MENDED, Deed.Kind.SIGNED_IN),
    *(Deed.Kind.SIGNED_OUT, Deed.Kind.REFUSED, Deed.Kind.PASSWORD),
}
"""Others are explained where there are some: the archives of before stay the same."""
AS_BEFORE = {Deed.Kind.DELETED: "Deleted the draft"}
"""What is called otherwise by now; none that was deleted has an archive."""


def codebook(
    study: Study, frames: Mapping[str, pd.DataFrame], kind: Kind, values: Measured
) -> pd.DataFrame:
    """What every column holds of the files that are described: file, column, meaning."""
    measures = _measures(study, values)
    done = set(frames["deeds.csv"]["deed"])
    deeds = {
        each.value: AS_BEFORE.get(each, each.label)
        for each in Deed.Kind
        if each in FIRST or each in done
    }
    further = {
        "ratings.csv": measures,
        "stimuli.csv": measures,
        "deeds.csv": {"deed": "; ".join(f"{name}: {said}" for name, said in deeds.items())},
    }
    rows = [
        (marks.file_name(kind, name), column, {**further.get(name, {}), **meanings}.get(column, ""))
        for name, meanings in CODEBOOK.items()
        if name in frames
        for column in dict.fromkeys([*frames[name], "raters_kind"])
    ]
    return pd.DataFrame(rows, columns=["file", "column", "meaning"])


def _measures(study: Study, values: Measured) -> dict[str, str]:
    """What the columns of measures hold; of those that are not computed here, whence too."""
    of_images = StimulusMeasure.objects.filter(stimulus__studystimulus__study=study)
    versions: dict[str, list[str]] = {}
    pairs = of_images.order_by("version").values_list("measure__name", "version").distinct()
    for name, version in pairs:
        versions.setdefault(name, []).append(version)
    said = {}
    sets = exports.datasets_of(study)
    for name, measure in values.known.items():
        if name in OURS:
            said[name] = COMPUTED[name].meaning
            if any(each.scale != SCALE for each in sets):
                cut = f"{SCALE} px cut"
                said[name] = said[name].replace(cut, f"as many px cut as {ENLARGED_BY} says")
            said[name] += _without(sets, name)
            continue
        meaning = COMPUTED[name].meaning if name in COMPUTED else measure.title
        way = "higher" if measure.higher_is_better else "lower"
        by = ", ".join(dict.fromkeys(versions.get(name, [])))
        said[name] = f"{meaning}; {way} is better; version: {by}{_without(sets, name)}"
    return said


def _without(sets: Iterable[Dataset], measure: str) -> str:
    """What is said of a measure that some of the sets can have no figures of."""
    names = [each.name for each in sets if not each.references]
    if not names or measure not in HELD_AGAINST_ORIGINALS:
        return ""
    return f"; none of {', '.join(names)}, which {'have' if len(names) > 1 else 'has'} no originals"
