"""The table of a study: Mean Opinion Scores beside PSNR and other measures, and its renderings.

Every rendering says by itself whether people or simulated raters gave the ratings, how many they
were, and what the interval is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from study.analysis import layout, marks, opinion
from study.analysis.measures import OURS, Measures, OfSets

COUNTS = ["raters", "ratings", "images"]
INTERVAL_COLUMNS = ["ci_low", "ci_high", "ci_half_width"]
NO_ORIGINALS = "no originals: no PSNR, SSIM, LPIPS and DISTS, no hidden reference, no DMOS"
"""The remark on every row of a set whose images have none."""


def columns(known: Measures = OURS) -> list[str]:
    """The columns of a table with these measures, for programs."""
    return [
        *("set", "method", "title", "mos", *INTERVAL_COLUMNS, *COUNTS, *known),
        *("published_mos", "raters_kind", "interval", "note"),
    ]


def headings(known: Measures = OURS) -> dict[str, str]:
    """What a reader sees of them, in this order."""
    return {
        "set": "Set",
        "title": "Method",
        "mos": "MOS",
        "ci_half_width": "± 95 % CI",
        "raters": "Raters",
        "ratings": "Ratings",
        "images": "Images",
        **{name: measure.title for name, measure in known.items()},
        "published_mos": "Published MOS",
    }


def mos_table(
    ratings: pd.DataFrame,
    measures: pd.DataFrame,
    *,
    order: Sequence[str],
    titles: Mapping[str, str] | None = None,
    sets: Sequence[str] | None = None,
    published: Mapping[tuple[str, str], float] | None = None,
    known: Measures = OURS,
    of_sets: OfSets | None = None,
    without_references: Collection[str] = (),
) -> pd.DataFrame:
    """One row for each (set, method) that ``measures`` or ``ratings`` know, with `columns`.

    ratings: one row a rating, see `opinion.check_ratings`; may be empty.
    measures: one row a stimulus: set, image, method, and a column for each of the ``known`` but
    those of whole sets, None where it was not measured. They are the list of what is shown: what
    nobody has rated yet has a row with 0 ratings. A measure's figure is its mean over the images,
    missing unless all have it; psnr (dB) is infinite where an image equals its original (psnr None
    or inf, ssim 1). of_sets: figures of those of the known that have one for a whole set.
    order: the methods' names from first to last, may name more; titles: what to call them.
    sets: the order of the sets; by default as in ``measures``.
    published: MOS that others have found, by (set, method).
    without_references: sets whose images have no originals, for which the note says so instead of
    naming measures that need one.

    MOS and interval are those of `opinion.by_method`. ``note`` says why a figure is missing, and
    that a study is informal. Raises ``ValueError`` for faulty tables, and for a method or set that
    the given order lacks.
    """
    titles, published, of_sets = titles or {}, published or {}, of_sets or {}
    opinions = opinion.by_method(ratings).set_index(["set", "method"])
    quality = _quality(measures, known, of_sets, without_references)
    there = list(dict.fromkeys([*quality.index, *opinions.index]))
    if not there:
        raise ValueError("there is nothing to show: no stimulus is measured and none is rated")
    cells = _ordered(
        there, list(dict.fromkeys(s for s, _ in there)) if sets is None else sets, order
    )
    index = pd.MultiIndex.from_tuples(cells, names=["set", "method"])
    table = opinions.join(quality, how="outer").reindex(index).reset_index()
    table[COUNTS] = table[COUNTS].fillna(0).astype(int)
    table["title"] = [titles.get(method, method) for method in table["method"]]
    table["published_mos"] = [float(published.get(cell, math.nan)) for cell in cells]
    table["raters_kind"] = opinion.raters_kind(ratings)
    table["interval"] = opinion.INTERVAL
    table["note"] = [_row_note(row) for row in table.to_dict("records")]
    return table[columns(known)]


def headline(table: pd.DataFrame) -> str:
    """Who rated, how many they were, and what the interval is, in one line.

    >>> table = pd.DataFrame({"raters_kind": "people", "raters": [26, 24]})
    >>> headline(table.assign(interval=opinion.INTERVAL))
    "Rated by people: 24 to 26 raters. Interval: 95 % CI, t over raters' means."
    """
    few, many = int(table["raters"].min()), int(table["raters"].max())
    number = f"{few} to {many}" if few != many else f"{many}"
    number += " rater" if many == 1 else " raters"
    who = marks.WORDS[table["raters_kind"].iloc[0]]
    return f"Rated by {who}: {number}. Interval: {table['interval'].iloc[0]}."


def notes(table: pd.DataFrame) -> list[str]:
    """Each remark once, as a sentence, with the rows it is about unless it is about all.

    That there are no originals is said of sets.
    """
    sets: dict[str, dict[str, list[str]]] = {}
    for set_name, title, note in zip(table["set"], table["title"], table["note"], strict=True):
        for remark in filter(None, note.split("; ")):
            sets.setdefault(remark, {}).setdefault(title, []).append(set_name)
    sentences = []
    for remark, about in sets.items():
        if remark == NO_ORIGINALS:
            named = list(dict.fromkeys(name for on in about.values() for name in on))
            sentences.append(f"{', '.join(named)} {'have' if len(named) > 1 else 'has'} {remark}.")
            continue
        rows = "; ".join(f"{title} on {', '.join(on)}" for title, on in about.items())
        everywhere = sum(map(len, about.values())) == len(table)
        remark = remark[0].upper() + remark[1:]
        sentences.append(f"{remark}." if everywhere else f"{remark}. Rows: {rows}.")
    return sentences


def display(table: pd.DataFrame, known: Measures = OURS) -> pd.DataFrame:
    """The table as a reader sees it: texts with fixed decimals, missing figures empty.

    The columns are those of `headings`, without a measure or publication that no row has.
    """
    decimals = {"mos": 2, "ci_half_width": 2, "published_mos": 2}
    decimals |= {name: measure.decimals for name, measure in known.items()}
    optional = [*known, "published_mos"]
    shown = [c for c in headings(known) if c not in optional or table[c].notna().any()]
    return pd.DataFrame(
        {
            c: [_figure(v, decimals[c]) for v in table[c]]
            if c in decimals
            else table[c].astype(str)
            for c in shown
        },
        dtype=str,
    )


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """The rows as dictionaries of plain values; missing and infinite figures are None."""
    return [
        {
            str(key): None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in row.items()
        }
        for row in table.to_dict("records")
    ]


def to_text(table: pd.DataFrame, known: Measures = OURS) -> str:
    """For a terminal: a headline, aligned columns, and the notes."""
    shown = display(table, known)
    left = [i for i, c in enumerate(shown.columns) if c in {"set", "title"}]
    heads = [headings(known)[c] for c in shown.columns]
    table_text = layout.aligned(heads, shown.to_numpy().tolist(), left)
    remarks = [f"Note: {note}" for note in notes(table)]
    return "\n".join([headline(table), "", table_text, *[""] * bool(remarks), *remarks]) + "\n"


def to_csv(table: pd.DataFrame, known: Measures = OURS) -> str:
    """Comma-separated, figures in full precision, missing ones empty, infinite ones ``inf``."""
    return layout.csv(table)


def to_json(table: pd.DataFrame, known: Measures = OURS) -> str:
    """A list of objects, one for each row; missing and infinite figures are null, see ``note``."""
    return json.dumps(records(table), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def to_latex(table: pd.DataFrame, known: Measures = OURS) -> str:
    """A table for a paper, with the package booktabs: a block a set, a row a method."""
    shown = display(table, known).drop(columns="set")
    # The half-width joins its mean: one column "3.37 ± 0.21" reads better in print.
    half = shown.pop("ci_half_width")
    shown["mos"] = [f"{m} ± {h}" if h else m for m, h in zip(shown["mos"], half, strict=True)]
    width = len(shown.columns)
    lines = []
    for set_name, block in shown.groupby(table["set"], sort=False):
        lines.append(
            rf"\midrule \multicolumn{{{width}}}{{l}}"
            rf"{{\textit{{{layout.escape(str(set_name))}}}}} \\"
        )
        cells = block.to_numpy().tolist()
        lines += [" & ".join(map(layout.escape, row)) + r" \\" for row in cells]
    remarks = [rf"\par\smallskip\footnotesize {layout.escape(' '.join(notes(table)))}"] * any(
        table["note"]
    )
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{Mean opinion scores (MOS). {layout.escape(headline(table))}}}",
            rf"\begin{{tabular}}{{l{'r' * (width - 1)}}}",
            r"\toprule",
            " & ".join(layout.escape(headings(known)[c]) for c in shown.columns) + r" \\",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            *remarks,
            r"\end{table*}",
            "",
        ]
    )


RENDERERS: dict[str, Callable[..., str]] = {
    "table": to_text,
    "csv": to_csv,
    "json": to_json,
    "latex": to_latex,
}
"""Each takes a table and, where it has others than ours, the measures of it."""


def ratings_table(ratings: pd.DataFrame) -> pd.DataFrame:
    """All ratings as they are, repeated votes too, in the given order.

    The column ``raters_kind`` (people or simulated) follows `opinion.COLUMNS`, further columns come
    last. Errors: `opinion.check_ratings`.
    """
    ratings = opinion.check_ratings(ratings)
    further = [c for c in ratings.columns if c not in (*opinion.COLUMNS, "raters_kind")]
    ratings = ratings.assign(raters_kind=opinion.raters_kind(ratings))
    return ratings[[*opinion.COLUMNS, "raters_kind", *further]]


def ratings_csv(ratings: pd.DataFrame) -> str:
    """`ratings_table` as comma-separated text."""
    return layout.csv(ratings_table(ratings))


def _quality(
    measures: pd.DataFrame, known: Measures, of_sets: OfSets, without_references: Collection[str]
) -> pd.DataFrame:
    """The measures by (set, method) in order of appearance, with remarks: means over images, or
    what is known of the whole set."""
    of_images = [name for name in known if name not in of_sets]
    needed = ("set", "image", "method", *of_images)
    for column in needed:
        if column not in measures.columns:
            raise ValueError(
                f"the measures have no column '{column}'; they need {', '.join(needed)} "
                f"and have {', '.join(map(str, measures.columns)) or 'none'}"
            )
    twice = measures.duplicated(subset=["set", "image", "method"])
    if twice.any():
        stimulus = "/".join(measures.loc[twice, ["set", "image", "method"]].iloc[0].astype(str))
        raise ValueError(f"the measures of {stimulus} are given twice; each stimulus has one row")
    plain = measures.astype({"set": str, "method": str, **dict.fromkeys(of_images, float)})
    # Outputs have no PSNR where the error is zero; SSIM tells this from one that was not measured.
    plain["psnr"] = plain["psnr"].mask(plain["psnr"].isna() & (plain["ssim"] == 1), math.inf)
    groups = plain.groupby(["set", "method"], sort=False)
    quality = groups[of_images].mean(skipna=False)
    quality["measured_images"] = groups.size()
    found = groups[of_images].count()
    for name, values in of_sets.items():
        quality[name] = [values.get(cell, math.nan) for cell in quality.index]
        found[name] = quality["measured_images"].where(quality[name].notna(), 0)
    quality["quality_note"] = [
        "; ".join(_measure_notes(n, counts, known, references=name not in without_references))
        for name, n, counts in zip(
            quality.index.get_level_values("set"),
            groups.size(),
            found.to_dict("records"),
            strict=True,
        )
    ]
    return quality


def _measure_notes(
    images: int, counts: Mapping[Hashable, int], known: Measures, *, references: bool
) -> Iterable[str]:
    if not references:
        yield NO_ORIGINALS
    absent = [
        measure.title
        for name, measure in known.items()
        if counts[name] == 0 and (references or not measure.needs_reference)
    ]
    if absent:
        yield f"{', '.join(absent)} not measured"
    for name, measure in known.items():
        if 0 < counts[name] < images:
            yield (f"{measure.title} measured for {counts[name]} of {images} images, hence no mean")


def _row_note(row: Mapping[Hashable, Any]) -> str:
    remarks = [row["note"] if row["ratings"] else "no ratings"]
    if pd.isna(row["measured_images"]):
        remarks.append("images not measured")
    else:
        remarks.append(row["quality_note"])
        if row["psnr"] == math.inf:
            remarks.append("PSNR infinite: equal to the original")
        if row["ratings"] and row["images"] != row["measured_images"]:
            remarks.append(
                f"measures over {row['measured_images']:.0f} images, ratings over {row['images']}"
            )
    return "; ".join(filter(None, remarks))


def _ordered(
    cells: Iterable[tuple[str, str]], sets: Sequence[str], methods: Sequence[str]
) -> list[tuple[str, str]]:
    """The cells by the order of sets, then of methods; ValueError for one outside these orders."""
    cells = list(cells)
    for position, (what, allowed) in enumerate([("set", sets), ("method", methods)]):
        stray = next((cell[position] for cell in cells if cell[position] not in allowed), None)
        if stray is not None:
            raise ValueError(
                f"the {what} '{stray}' is rated or measured, but the given order of {what}s "
                f"lacks it: {', '.join(allowed)}"
            )
    return sorted(cells, key=lambda cell: (sets.index(cell[0]), methods.index(cell[1])))


def _figure(value: float, decimals: int) -> str:
    if math.isnan(value):
        return ""
    return "∞" if math.isinf(value) else f"{value:.{decimals}f}"
