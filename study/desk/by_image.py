"""A study's results image by image: what raters and measures say of each version of each scene.

Computed once for a state of the votes, as one file for all pages of it (`study.desk.computed`); a
page takes its part of the file, and asks the database for nothing more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse

from sr_models.methods import ORIGINAL
from study.analysis import disagreements, opinion, reliability, render, verdicts
from study.analysis.measures import Measures
from study.analysis.report import plain
from study.analysis.scores import Scores
from study.desk import exports, pictures
from study.desk.exports import Kind
from study.desk.measures import Measured, measured
from study.models import Study

PER_PAGE = 12
"""Scenes on a page of the list."""
LISTED = ("psnr", "ssim_daala", "lpips")
"""Measures that the list has room for; a scene's own page has all."""
OF_A_MEASURE = 6
"""Examples of where one measure contradicts raters."""
NAME, SPREAD, DISAGREEMENT, MOS = "name", "spread", "disagreement", "mos:"
SORTS = {
    NAME: "Names",
    SPREAD: "Spread between methods",
    DISAGREEMENT: "Disagreement of raters",
}
"""Ways to sort scenes, the largest first; ``mos:METHOD`` is by the MOS of a method."""

Image = dict[str, Any]


def by_image_json(study: Study, kind: Kind) -> bytes:
    """All that the pages show, as JSON."""
    return json.dumps(plain(computed(study, kind=kind))).encode()


def computed(study: Study, *, kind: Kind) -> dict[str, Any]:
    """Every scene with its versions, and the largest disagreements.

    ``images``: set, image, ``spread`` (highest less lowest MOS of its versions, the original
    aside), ``disagreement`` (the root of the mean variance of the votes on one of these) and
    ``versions``, see `_version`. Before the first vote the versions are there without figures.
    """
    values = measured(study)
    votes = exports.scores(study, kind=kind, values=values)
    opinions = _opinions(votes) if votes else {}
    images: dict[tuple[str, str], Image] = {}
    rows = study.stimuli.order_by("source__dataset", "source__name", "source", "method__place")
    columns = ("source__dataset__name", "source__name", "method__name", "method__title")
    for pk, set_name, image, method, title, sha256, width, height in rows.values_list(
        "pk", *columns, "sha256", "width", "height"
    ):
        scene = images.setdefault(
            (set_name, image), {"set": set_name, "image": image, "versions": []}
        )
        shown = {"method": method, "title": title, "original": method == ORIGINAL}
        file = {"sha256": sha256, "width": width, "height": height}
        figures = _figures(values, pk)
        said = opinions.get((set_name, image, method), {"n": 0})
        scene["versions"].append(shown | file | said | {"figures": figures})
    for scene in images.values():
        scene |= _summed_up([each for each in scene["versions"] if not each["original"]])
    return {
        "raters_kind": kind,
        "counted": len(votes) if votes else 0,
        "images": list(images.values()),
        "methods": _titles(study),
        "least_votes": disagreements.LEAST_VOTES,
        "least_signs": verdicts.least_raters(),
        **(_disagreements(votes, values.known) if votes else {}),
    }


def _opinions(votes: Scores) -> dict[tuple[str, str, str], dict[str, Any]]:
    """What raters said of each version: MOS, interval, SD, and how many gave each score."""
    found = {}
    counts = disagreements.score_counts(votes)
    for row, of_scores in zip(
        opinion.stimulus_opinions(votes).to_dict("records"), counts, strict=True
    ):
        key = (str(row["set"]), str(row["content"]), str(row["method"]))
        found[key] = {
            "n": row["ratings"],
            "mos": row["mos"],
            "half": row["ci_half_width"],
            "ci_low": row["ci_low"],
            "ci_high": row["ci_high"],
            "sd": row["sd"],
            "counts": [int(count) for count in of_scores],
        }
    return found


def _figures(values: Measured, pk: int) -> list[dict[str, Any]]:
    """What measures say of a version, in the order of tables, as texts."""
    return [
        {"name": name, "title": measure.title, "said": _said(of[pk], measure.decimals)}
        for name, measure in values.known.items()
        if pk in (of := values.of_images.get(name, {}))
    ]


def _said(value: float, decimals: int) -> str:
    return "∞" if math.isinf(value) else f"{value:.{decimals}f}".replace("-", "−")


def _summed_up(versions: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    means = [each["mos"] for each in versions if each["n"]]
    variances = [each["sd"] ** 2 for each in versions if each["n"] > 1]
    return {
        "spread": max(means) - min(means) if len(means) > 1 else None,
        "disagreement": math.sqrt(sum(variances) / len(variances)) if variances else None,
    }


def _titles(study: Study) -> dict[str, str]:
    """Titles of the study's methods by name, in the order of tables."""
    titles = exports.titles(study)
    return {name: titles[name] for name in exports.order(study)}


def _disagreements(votes: Scores, known: Measures) -> dict[str, Any]:
    stimuli = opinion.stimulus_opinions(votes)
    contradicted = disagreements.contradicted(
        votes,
        {name: measure.higher_is_better for name, measure in known.items()},
        kept=OF_A_MEASURE,
    )
    for name, found in contradicted.items():
        for row in found["rows"]:
            for side in ("a", "b"):
                row[f"said_{side}"] = _said(row[f"figure_{side}"], known[name].decimals)
    return {
        "contested": disagreements.contested(stimuli, reliability.sos_a(votes), scale=votes.scale),
        "contradicted": [
            found | {"title": known[name].title, "higher": known[name].higher_is_better}
            for name, found in contradicted.items()
        ],
        "reordered": disagreements.reordered(votes),
    }


# ---- What a page shows of it ----


def chosen(
    found: Mapping[str, Any], *, of_set: str = "", sort: str = NAME, turned: bool = False
) -> list[Image]:
    """The scenes of a set, or of all, sorted; those without a figure to sort by come last.

    Raises ``ValueError`` with a sentence for a set or an order that there is none of.
    """
    sets = sets_of(found)
    if of_set and of_set not in sets:
        raise ValueError(f"the study shows no set {of_set!r}; it shows {', '.join(sets)}")
    images = [each for each in found["images"] if each["set"] == of_set or not of_set]
    if sort == NAME:
        return images[::-1] if turned else images
    if sort not in orders(found):
        raise ValueError(f"scenes are not sorted by {sort!r}; {', '.join(orders(found))} are ways")
    figures = [(_sorted_by(each, sort), each) for each in images]
    there = [pair for pair in figures if pair[0] is not None]
    there.sort(key=lambda pair: pair[0] if turned else -pair[0])
    return [each for _, each in there] + [each for figure, each in figures if figure is None]


def _sorted_by(image: Image, sort: str) -> Any:
    if not sort.startswith(MOS):
        return image[sort]
    own = (each for each in image["versions"] if each["method"] == sort.removeprefix(MOS))
    return next((each["mos"] for each in own if each["n"]), None)


def sets_of(found: Mapping[str, Any]) -> list[str]:
    """The study's sets in the order of tables."""
    return list(dict.fromkeys(each["set"] for each in found["images"]))


def orders(found: Mapping[str, Any]) -> dict[str, str]:
    """Ways to sort, with what each is called."""
    of_methods = {f"{MOS}{name}": f"MOS of {title}" for name, title in found["methods"].items()}
    return SORTS | of_methods


def shown(study: Study, image: Image, *, all_figures: bool = False) -> Image:
    """A scene with the addresses of its pictures, and its distributions as drawn."""
    versions = [_shown(study, each, all_figures=all_figures) for each in image["versions"]]
    return image | {"versions": versions, "name": name_of(image)}


def name_of(image: Mapping[str, Any]) -> str:
    """A scene as addresses have it, those of the contact sheet too."""
    return f"{image['set']}/{image['image']}"


def _shown(study: Study, version: Mapping[str, Any], *, all_figures: bool) -> dict[str, Any]:
    figures = version["figures"]
    if not all_figures:
        figures = [each for each in figures if each["name"] in LISTED] or figures[: len(LISTED)]
    size = pictures.small_size(version["width"], version["height"])
    return {
        **version,
        "figures": figures,
        "small": reverse("study_small", args=[study.slug, version["sha256"]]),
        "small_width": size[0],
        "small_height": size[1],
        "told_original": version["original"] and "original" not in version["title"].lower(),
        "bars": bars(version.get("counts", [])),
    }


def bars(counts: Sequence[int]) -> list[dict[str, Any]]:
    """A distribution as bars: for each score its votes, and the bar's top and height of 100.

    >>> [(bar["score"], bar["height"]) for bar in bars([0, 1, 4, 0, 0])]
    [(1, 0), (2, 25), (3, 100), (4, 0), (5, 0)]
    """
    most = max(counts, default=0) or 1
    heights = [round(100 * count / most) for count in counts]
    return [
        {"score": score, "count": count, "x": score - 1, "y": 100 - height, "height": height}
        for score, (count, height) in enumerate(zip(counts, heights, strict=True), start=1)
    ]


def examples(study: Study, found: Mapping[str, Any]) -> dict[str, Any]:
    """The largest disagreements with the versions that they are about."""
    there = {
        (scene["set"], scene["image"], version["method"]): version
        for scene in found["images"]
        for version in scene["versions"]
    }

    def with_versions(row: Mapping[str, Any], *sides: str) -> dict[str, Any]:
        pair = [there.get((row["set"], row["content"], row[side])) for side in sides]
        versions = [_shown(study, each, all_figures=False) for each in pair if each]
        told = {"name": f"{row['set']}/{row['content']}", "versions": versions}
        if "p" in row:
            told["p_said"] = render.p_value(row["p"])
        if "tau" in row:
            told["tau_said"] = _said(row["tau"], 2)
        return {**row, **told}

    titles = found["methods"]
    return {
        "contested": [with_versions(row, "method") for row in found.get("contested", [])],
        "contradicted": [
            measure | {"rows": [with_versions(row, "a", "b") for row in measure["rows"]]}
            for measure in found.get("contradicted", [])
        ],
        "reordered": [
            with_versions(row, "a", "b") | {"order": [titles.get(m, m) for m in row["methods"]]}
            for row in found.get("reordered", [])
        ],
    }
