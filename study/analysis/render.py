"""A report as text, CSV, JSON, LaTeX, Markdown, a workbook or Parquet.

A format is either one text or a set of files; `files` gives the files of every format, byte for
byte the same for the same report.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from study.analysis import layout, marks
from study.analysis.report import Report, to_json

FORMATS = ("table", "csv", "json", "latex", "markdown", "xlsx", "parquet")
BINARY = ("xlsx", "parquet")
TITLES = {
    "methods": "Mean opinion scores of methods",
    "pairs": "Pairs of methods, paired Wilcoxon signed-rank tests",
    "omnibus": "Friedman's test on raters' means",
    "objective": "MOS against image quality measures",
    "raters": "Raters",
    "agreement": "Agreement of raters",
    "retest": "Retest",
    "screening": "Methods without the raters whom a rule rejects",
    "power": "Smallest difference that this number of raters can show",
    "stimuli": "Stimuli",
    "subject_model": "Subject model (ITU-T P.910 Annex E): quality of stimuli",
}
HEADINGS = {
    "set": "Set", "method": "Method", "n": "N", "raters": "Raters", "mos": "MOS", "sd": "SD",
    "se": "SE", "ci": "95 % CI", "ci_pooled": "95 % CI pooled", "mean_rank": "Mean rank",
    "dmos": "DMOS", "ci_bootstrap": "95 % CI bootstrap",
    "a": "A", "b": "B", "unit": "Unit", "n_zero": "Zeros", "mean_difference": "A - B", "p": "p",
    "p_holm": "p Holm", "rank_biserial": "Rank-biserial", "won": "Won", "tied": "Tied",
    "lost": "Lost", "statistic": "Statistic", "df": "df", "kendall_w": "Kendall's W",
    "methods": "Methods", "measure": "Measure", "level": "Per", "pearson": "Pearson",
    "spearman": "Spearman", "kendall": "Kendall", "rater": "Rater", "mean": "Mean",
    "bias": "Bias", "inconsistency": "Inconsistency", "correlation": "Correlation",
    "bt500_p": "P", "bt500_q": "Q", "flags": "Flags", "stimulus": "Stimulus",
    "content": "Content", "psi": "psi", "psi_se": "SE", "rule": "Rule",
    "sd_of_differences": "SD of differences", "pairs": "Pairs", "power": "Power",
    "difference": "Difference",
}  # fmt: skip
SHOWN = {
    "methods": ["set", "method", "n", "raters", "mos", "ci", "ci_bootstrap", "ci_pooled",
                "mean_rank", "dmos"],
    "pairs": ["set", "a", "b", "unit", "n", "n_zero", "mean_difference", "p", "p_holm",
              "rank_biserial", "won", "tied", "lost"],
    "omnibus": ["set", "n", "methods", "statistic", "df", "p", "kendall_w"],
    "objective": ["measure", "set", "level", "n", "pearson", "spearman", "kendall"],
    "raters": ["rater", "n", "mean", "bias", "inconsistency", "correlation", "bt500_p", "bt500_q",
               "flags"],
    "screening": ["rule", "set", "method", "n", "raters", "mos", "ci"],
    "power": ["set", "raters", "sd_of_differences", "pairs", "power", "difference"],
    "stimuli": ["set", "stimulus", "method", "n", "mos", "sd", "ci", "dmos"],
}  # fmt: skip
DECIMALS = {
    "mos": 2, "sd": 2, "se": 3, "ci": 2, "ci_pooled": 2, "ci_bootstrap": 2, "mean_rank": 2,
    "dmos": 2, "mean_difference": 2, "rank_biserial": 2, "won": 2, "tied": 2, "lost": 2,
    "statistic": 1, "kendall_w": 2, "pearson": 2, "spearman": 2, "kendall": 2, "mean": 2,
    "bias": 2, "inconsistency": 2, "correlation": 2, "psi": 2, "psi_se": 3, "power": 2,
    "difference": 2, "sd_of_differences": 2,
}  # fmt: skip
TEXTS = {"set", "method", "a", "b", "unit", "measure", "level", "rater", "flags", "stimulus",
         "content", "rule"}  # fmt: skip
MOST_STIMULI = 40
"""Stimuli that a terminal is shown beside methods; files hold them all."""


def tables(report: Report) -> dict[str, list[dict[str, Any]]]:
    """The report as named tables of rows in full precision; empty ones are left out.

    Every row says in ``raters_kind`` who rated, if the report knows it.
    """
    model = report["subject_model"] or {}
    found = {
        "table": report.get("table", []),
        "methods": report["methods"],
        "pairs": report["pairs"],
        "omnibus": report["omnibus"],
        "objective": report["objective"],
        "raters": [row | {"flags": "; ".join(row["flags"])} for row in report["raters"]],
        "agreement": [report["agreement"] | {"sos_a": report["sos_a"]}],
        "retest": [report["retest"]] if report["retest"] else [],
        "screening": [
            {"rule": rule["rule"]} | row for rule in report["screening"] for row in rule["methods"]
        ],
        "power": report["power"],
        "stimuli": report["stimuli"],
        "subject_model": [
            {"stimulus": row["stimulus"]}
            | {key: model[key][j] for key in ("psi", "psi_se", "psi_low", "psi_high")}
            for j, row in enumerate(report["stimuli"] if model else [])
        ],
        "notes": [{"note": note} for note in report["notes"]],
    }
    return {name: marks.rows(report["raters_kind"], rows) for name, rows in found.items() if rows}


class Section(NamedTuple):
    """A part of the report that is read: its title, which says who rated, and what it holds."""

    title: str
    table: tuple[list[str], list[list[str]], list[int]] | None = None
    """Headings, cells and the columns flush left, see `shown`."""
    sentences: Sequence[str] = ()


def sections(report: Report) -> Iterator[Section]:
    """What every readable format shows, in this order: tables, agreement, retest, the notes."""
    kind, found = report["raters_kind"], tables(report)
    for name in _read_first(report):
        yield Section(marks.title(kind, TITLES[name]), shown(name, found[name]))
    yield Section(marks.title(kind, TITLES["agreement"]), sentences=[_agreement(report)])
    if report["retest"]:
        yield Section(marks.title(kind, TITLES["retest"]), sentences=[_retest(report["retest"])])
    yield Section(marks.title(kind, "Notes"), sentences=report["notes"])


def to_text(report: Report) -> str:
    """For a terminal: the tables that are read first, then every note."""
    parts = [headline(report)]
    for title, table, sentences in sections(report):
        lines = (
            [layout.aligned(*table)] if table else [f"- {' '.join(s.split())}" for s in sentences]
        )
        parts.append("\n".join([title, *lines]))
    return "\n\n".join(parts) + "\n"


def to_markdown(report: Report) -> str:
    """The same as headings and tables of Markdown."""
    parts = [headline(report)]
    for title, table, sentences in sections(report):
        lines = [f"- {layout.prose(sentence)}" for sentence in sentences]
        body = layout.markdown(*table) if table else "\n".join(lines)
        parts.append(f"## {title}\n\n{body}")
    return "\n\n".join(parts) + "\n"


def to_latex(report: Report) -> str:
    """Tables for a paper (package booktabs), the rules below the first."""
    parts: list[str] = []
    for title, table, _ in sections(report):
        if table:
            heads, rows, left = table
            remarks = report["notes"] if not parts else ()
            caption = f"{title}. {headline(report)}"
            parts.append(layout.latex(heads, rows, caption=caption, remarks=remarks, left=left))
    return "\n".join(parts)


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """One table in full precision, missing figures empty; texts cannot act as formulas."""
    return layout.csv(pd.DataFrame(rows))


def to_xlsx(report: Report) -> bytes:
    """A workbook, a sheet a table; every text is a text, whatever sign it begins with.

    Sheets and rows say if the raters were simulated.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.active)
    for name, rows in tables(report).items():
        sheet = book.create_sheet(marks.short(report["raters_kind"], name))
        heads = list(rows[0])
        for column, head in enumerate(heads, start=1):
            _fill(sheet.cell(1, column), head)
            sheet.cell(1, column).font = Font(bold=True)
            longest = max([len(head), *(len(str(row[head])) for row in rows[:200])])
            sheet.column_dimensions[get_column_letter(column)].width = min(60, longest + 2)
        for number, row in enumerate(rows, start=2):
            for column, head in enumerate(heads, start=1):
                _fill(sheet.cell(number, column), row[head])
        sheet.freeze_panes = "A2"
    file = io.BytesIO()
    book.save(file)
    return _same_bytes(file.getvalue())


def _fill(cell: Any, value: Any) -> None:
    """Set a cell, a text as a text by force: openpyxl takes "=1+1" for a formula."""
    if isinstance(value, str):
        cell.value = _printable(value)
        cell.data_type = "s"
        cell.quotePrefix = layout.harmless(value) != value
    else:
        cell.value = value


def to_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """One table as Parquet; columns without any figure are of type double."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {}
    for column in rows[0]:
        values = [row[column] for row in rows]
        empty = all(value is None for value in values)
        arrays[column] = pa.array(values, type=pa.float64() if empty else None)
    file = io.BytesIO()
    pq.write_table(pa.table(arrays), file)
    return file.getvalue()


def text(report: Report, form: str) -> str:
    """One text for standard output. Raises ``ValueError`` for a format that is bytes."""
    if form in BINARY:
        raise ValueError(f"{form} is written to files; say where with --out FOLDER")
    if form == "csv":
        found = tables(report)
        return to_csv(found["methods"] if "methods" in found else found["stimuli"])
    writers: dict[str, Callable[[Report], str]] = {
        "table": to_text, "json": to_json, "latex": to_latex, "markdown": to_markdown
    }  # fmt: skip
    return writers[form](report)


def files(report: Report, form: str) -> dict[str, bytes]:
    """All files of a format, by name, which says if the raters were simulated."""
    if form == "xlsx":
        found = {"analysis.xlsx": to_xlsx(report)}
    elif form == "parquet":
        found = {f"{name}.parquet": to_parquet(rows) for name, rows in tables(report).items()}
    elif form == "csv":
        found = {f"{name}.csv": to_csv(rows).encode() for name, rows in tables(report).items()}
    else:
        extension = {"table": "txt", "json": "json", "latex": "tex", "markdown": "md"}[form]
        found = {f"analysis.{extension}": text(report, form).encode()}
    kind = report["raters_kind"]
    return {marks.file_name(kind, name): content for name, content in found.items()}


def headline(report: Report) -> str:
    """How many rated what, in one line."""
    n = report["counts"]
    low, high = report["scale"]
    who = f"{n['raters']} rater{'s' * (n['raters'] != 1)}"
    if report["raters_kind"] == "simulated":
        who = f"{n['raters']} {marks.SIMULATED}"
    return (
        f"{n['ratings']} rating{'s' * (n['ratings'] != 1)} of {n['stimuli']} "
        f"stimul{'us' if n['stimuli'] == 1 else 'i'} by {who}, "
        f"on a scale from {low:g} to {high:g}."
    )


def shown(
    name: str, rows: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[list[str]], list[int]]:
    """Headings, cells and the columns flush left of a table as a reader sees it."""
    if name == "pairs":  # the recommended unit first
        rows = sorted(rows, key=lambda row: str(row["unit"]) != "raters")
    columns = [
        c
        for c in SHOWN.get(name, list(rows[0]))
        if any(_cell(row, c, rows) for row in rows)
        and not (c == "set" and all(row["set"] == "all" for row in rows))
    ]
    cells = [[_cell(row, c, rows) for c in columns] for row in rows]
    left = [i for i, c in enumerate(columns) if c in TEXTS]
    return [HEADINGS.get(c, c) for c in columns], cells, left


def p_value(p: float | None) -> str:
    """A p value as papers print it.

    >>> p_value(0.0712), p_value(1e-9)
    ('0.071', '< 0.001')
    """
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _cell(row: Mapping[str, Any], column: str, rows: Sequence[Mapping[str, Any]]) -> str:
    if column in ("ci", "ci_pooled", "ci_bootstrap"):
        low, high = row[f"{column}_low"], row[f"{column}_high"]
        return "" if low is None else f"{low:.2f} to {high:.2f}"
    value = row.get(column)
    if value is None:
        return ""
    if column in ("pearson", "spearman", "kendall"):
        low, high = row[f"{column}_low"], row[f"{column}_high"]
        return f"{value:.2f}" + (f" ({low:.2f} to {high:.2f})" if low is not None else "")
    if column in ("p", "p_holm"):
        return p_value(value)
    if isinstance(value, float) and column in DECIMALS:
        return f"{value:.{DECIMALS[column]}f}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _read_first(report: Report) -> list[str]:
    found = tables(report)
    first = ["methods", "pairs", "omnibus", "objective", "power", "raters"]
    if "methods" not in found or len(report["stimuli"]) <= MOST_STIMULI:
        first.append("stimuli")
    return [name for name in first if name in found]


def _agreement(report: Report) -> str:
    a = report["agreement"]
    figures = {
        "Krippendorff's alpha, ordinal": a["alpha_ordinal"],
        "interval": a["alpha_interval"],
        "ICC(A,1)": a["icc_a1"],
        "ICC(A,k)": a["icc_ak"],
        "SOS a": report["sos_a"],
    }
    said = [f"{name} {value:.3f}" for name, value in figures.items() if value is not None]
    return f"{', '.join(said) or 'not defined, see the notes'}."


def _retest(row: Mapping[str, Any]) -> str:
    kappa = row["kappa_weighted"]
    return (
        f"{row['n']} pairs by {row['raters']} raters; {row['exact']:.0%} exact, "
        f"{row['within_one']:.0%} within one step, weighted kappa "
        f"{'not defined' if kappa is None else f'{kappa:.2f}'}, mean difference "
        f"{row['mean_difference']:+.2f}, Wilcoxon p {p_value(row['wilcoxon_p'])}, "
        f"equivalence within {row['tost_margin']:g}: p {p_value(row['tost_p']) or 'not defined'}."
    )


def _printable(value: str) -> str:
    """Without the signs that no workbook can hold."""
    return "".join(s for s in value if (s >= " " or s in "\t\n\r") and s not in "\ufffe\uffff")


def _same_bytes(workbook: bytes) -> bytes:
    """The workbook without the time at which it was made."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as before, zipfile.ZipFile(made, "w") as after:
        for name in sorted(
            before.namelist(), key=lambda name: (name != "[Content_Types].xml", name)
        ):
            content = before.read(name)
            if name == "docProps/core.xml":
                content = _without_times(content)
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            after.writestr(entry, content)
    return made.getvalue()


def _without_times(core: bytes) -> bytes:
    return re.sub(rb"<dcterms:(created|modified)[^>]*>[^<]*</dcterms:\1>", b"", core)
