"""The documentation as pages of the site: the files in ``docs/``, beside the code they speak of."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER = Path(settings.BASE_DIR) / "docs"
TITLES = {
    "first-study": "A first study, in pictures",
    "pages": "Every page, in pictures",
    "protocol": "What a rater’s session is",
    "statistics": "How the figures are computed",
    "own-material": "Images and methods of your own",
    "weights": "The networks that come along",
    "operations": "Settings, commands, addresses",
    "security": "Who is trusted with what",
}
"""What is served, in the order in which somebody new reads it: no file but these."""
ELSEWHERE = {"weights": Path(settings.BASE_DIR) / "sr_models" / "weights" / "README.md"}
"""Those that lie beside what they tell of."""


def page(name: str) -> SafeString:
    """The document of that name as HTML. Raises ``KeyError`` for one that is not served."""
    if name not in TITLES:
        raise KeyError(name)
    path = ELSEWHERE.get(name, FOLDER / f"{name}.md")
    return _rendered(path, path.stat().st_mtime_ns)


def picture(name: str) -> bytes | None:
    """A picture of the documents, or ``None`` if there is none of that name."""
    found = {path.name: path for path in (FOLDER / "pictures").glob("*.png")}.get(name)
    return found.read_bytes() if found else None


def anchor(heading: str) -> str:
    """What a heading is called in addresses, as code hosts do it.

    >>> anchor("Who gets what, and `why`?")
    'who-gets-what-and-why'
    """
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@cache
def _rendered(path: Path, _changed: int) -> SafeString:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(path.read_text())
    _name_headings(tokens)
    for token in tokens:
        for part in token.children or ():
            _lead_within(part)
    html = str(parser.renderer.render(tokens, parser.options, {}))
    return mark_safe(_with_wide_parts(html))  # noqa: S308 (raw HTML is off)


def _with_wide_parts(html: str) -> str:
    """What is wide is scrolled by itself, by keys too, and the page stays where it is."""
    html = html.replace("<pre>", '<pre tabindex="0">')
    first, *tables = html.replace("<th></th>", "<td></td>").split("<table>")
    opened = [
        f'<div class="scroll" tabindex="0" role="group" aria-label="Table {number}"><table>{rest}'
        for number, rest in enumerate(tables, 1)
    ]
    return "".join([first, *opened]).replace("</table>", "</table></div>")


def _name_headings(tokens: list[Token]) -> None:
    seen: Counter[str] = Counter()
    for opening, inline in zip(tokens, tokens[1:], strict=False):
        if opening.type == "heading_open":
            name = anchor("".join(part.content for part in inline.children or ()))
            again = f"-{seen[name]}" if seen[name] else ""
            opening.attrSet("id", name + again)
            seen[name] += 1


def _lead_within(part: Token) -> None:
    """Links between documents become links between pages; others, to files of the code, text."""
    if part.type == "image":
        name = str(part.attrGet("src")).rpartition("/")[2]
        part.attrSet("src", reverse("doc_picture", args=[name]))
        part.attrSet("loading", "lazy")
    elif part.type == "link_open":
        file, _, place = str(part.attrGet("href")).partition("#")
        if file.startswith(("http:", "https:")) or not file:
            return
        name = file.rpartition("/")[2].removesuffix(".md")
        if name in TITLES and file.endswith(".md"):
            part.attrSet("href", reverse("doc", args=[name]) + (f"#{place}" if place else ""))
        elif file.endswith(".png"):
            part.attrSet("href", reverse("doc_picture", args=[name]))
        else:
            part.attrs = {}
