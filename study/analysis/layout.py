"""Rows of texts laid out for a terminal, for Markdown and for LaTeX."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """A table in a terminal's fixed width; the columns numbered in ``left`` are flush left.

    >>> print(aligned(["a", "n"], [["bicubic", "5"]]))
    a        n
    -------  -
    bicubic  5
    """
    lines = [list(heads), *map(list, rows)]
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
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


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
