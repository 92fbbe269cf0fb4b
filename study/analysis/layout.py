"""Rows laid out for a terminal, for spreadsheets, for Markdown and for LaTeX, texts literally."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """A table in a terminal's fixed width; the columns numbered in ``left`` are flush left.

    >>> print(aligned(["a", "n"], [["bicubic", "5"]]))
    a        n
    -------  -
    bicubic  5
    """
    lines = [[" ".join(cell.split()) for cell in row] for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    laid = [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    laid.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(laid)


def markdown(
    heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)
) -> str:
    """A table in Markdown (GitHub's), figures flush right.

    >>> print(markdown(["a", "n"], [["x|y", "5"]]))
    | a | n |
    |---|--:|
    | x\\|y | 5 |
    """
    rule = "|" + "|".join("---" if i in left else "--:" for i in range(len(heads))) + "|"
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in (heads, *rows)]
    return "\n".join([lines[0], rule, *lines[1:]])


def _cell(text: str) -> str:
    return _literal(text).replace("|", "\\|")


def prose(text: str) -> str:
    r"""Text on one line as Markdown shows it literally: no heading, link, image or tag of its own.

    >>> print(prose("# a_b\n![x](y) <i>"))
    \# a_b !\[x\](y) &lt;i>
    """
    return re.sub(r"^(\d*)([#>+\-=~.)])", r"\1\\\2", _literal(text))


def _literal(text: str) -> str:
    line = re.sub(r"[\\`*\[\]]", r"\\\g<0>", " ".join(text.split()))
    return line.replace("<", "&lt;")


def fenced(text: str) -> str:
    """Lines of text for Markdown as they are, within a fence longer than any in them.

    >>> print(fenced("a ``` b"))
    ````
    a ``` b
    ````
    """
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}\n{text.rstrip()}\n{fence}"


def csv(frame: pd.DataFrame) -> str:
    """Every CSV file that leaves here: figures in full precision, missing ones empty.

    No text in it acts as a formula, see `harmless`.
    """
    safe = frame.set_axis([harmless(name) for name in frame.columns], axis="columns")
    for place, column in enumerate(frame.columns):
        if not pd.api.types.is_numeric_dtype(frame[column]):
            cells = frame[column].to_numpy(dtype=object)
            # Hardly a cell is suspicious, and all of them together are looked through quickly.
            if _SUSPICIOUS.search("\n".join(filter(_is_text, cells))):
                safe.isetitem(place, np.array([harmless(cell) for cell in cells], dtype=object))
    return safe.to_csv(index=False, lineterminator="\n")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


FORMULA_SIGNS = "=+\\-@\t＝＋－＠"
_FORMULA = re.compile(rf"(^|[;\t\n])(?=[{FORMULA_SIGNS}])")
_SUSPICIOUS = re.compile(rf"(?:^|[;\t\n])[{FORMULA_SIGNS}]|\r", re.MULTILINE)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def harmless(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula; numbers, also written ones, stay.

    Also not behind a semicolon, a tab or a new line, where a spreadsheet may begin a cell.

    >>> harmless("=1+1"), harmless("a;@SUM(A1)"), harmless("-1.5"), harmless(-1.5)
    ("'=1+1", "a;'@SUM(A1)", '-1.5', -1.5)
    """
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    return _FORMULA.sub(r"\1'", value.replace("\r\n", "\n").replace("\r", "\n"))


def latex(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str,
    remarks: Sequence[str] = (),
    left: Sequence[int] = (0,),
) -> str:
    """A table for a paper with the package booktabs; all texts are set literally."""
    columns = "".join("l" if i in left else "r" for i in range(len(heads)))
    below = [rf"\par\smallskip\footnotesize {escape(' '.join(remarks))}"] if remarks else []
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{escape(caption)}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(map(escape, heads)) + r" \\",
            r"\midrule",
            *(" & ".join(map(escape, row)) + r" \\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            *below,
            r"\end{table*}",
            "",
        ]
    )


def escape(text: str) -> str:
    r"""Text as LaTeX sets it literally.

    >>> print(escape("95 % of R&D_1 ± ∞"))
    95 \% of R\&D\_1 $\pm$ $\infty$
    """
    return text.translate(_LATEX)


_LATEX = str.maketrans(
    {
        **{special: rf"\{special}" for special in "&%$#_{}"},
        # After \\ a bracket or a star would be read as its option.
        **{special: f"{{{special}}}" for special in "[]*"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        "±": r"$\pm$",
        "∞": r"$\infty$",
        "−": "$-$",
        "–": "--",
        "·": r"$\cdot$",
        "√": r"$\surd$",
        "²": r"$^2$",
        "⁻": r"$^-$",
        "Σ": r"$\Sigma$",
        "ψ": r"$\psi$",
        "α": r"$\alpha$",
        "κ": r"$\kappa$",
        "≤": r"$\le$",
        "≥": r"$\ge$",
        "×": r"$\times$",
        "\u00a0": "~",
        "\n": " ",
    }
)
