"""The standard texts for raters, and Markdown as HTML.

A study that has texts of its own shows those instead: that of the language in force, else the one
for every language. What a rater was shown is stored with them, so that a later version of a
standard text changes nothing about who agreed to what.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, get_language_info, gettext, gettext_noop
from markdown_it import MarkdownIt

from study.models import Study

NAMES = ("consent", "instructions")
LANGUAGES: dict[str, str] = {
    code: str(get_language_info(code)["name"]) for code in Study.Language.values if code
}
"""The languages of raters' pages, by code, as researchers call them."""
LONGEST = 10_000
"""Characters of a text of a study's own: five pages."""

CONSENT = gettext_noop("""\
You are asked to judge how good images look. Your answers become part of a scientific study of \
image quality; its results, and single answers without any name, may be published.

- Taking part is voluntary. You can stop at any time without giving a reason, and have everything \
that you answered deleted.
- No name, address or account is asked for. With each answer are stored: when it was given and \
how long it took, how large the image was shown, the size of the window, the screen's resolution \
and zoom, and the kind of browser. If you are asked about your eyesight or your screen first, \
those answers are stored too.
- One cookie keeps your place. Nothing is loaded from other sites, and nobody else is told \
anything.
- There are no known risks beyond those of ordinary work at a screen.""")

NAMED = gettext_noop("""\
Whoever invited you has noted a name, a mail address or a remark beside your link, to know whom \
the link went to. It is published nowhere, is not stored with your answers, and is deleted with \
them if you ask for that.""")
"""Follows every consent, a study's own too, of a rater beside whose link something is noted."""

INSTRUCTIONS = gettext_noop("""\
You will see one image at a time. Judge how good it looks **to you** and answer with one of five \
categories, from bad to excellent.

There is no right answer, and no need to think long: about ten seconds for an image are plenty. \
The first impression counts.

Sit as you normally sit at this screen, with glasses if you wear them, and keep the browser's zoom \
at 100 %.""")


ABOUT = gettext_noop("About this study:")
TELLS = {
    "researcher": gettext_noop("Responsible: {researcher}"),
    "institution": gettext_noop("Institution: {institution}"),
    "contact": gettext_noop("Questions, also later: {contact}"),
    "ethics": gettext_noop("Ethics approval: {ethics}"),
    "storage": gettext_noop("How long your answers are kept: {storage}"),
}
"""What the standard consent says of fields of a study, where they are filled."""


def consent(study: Study, *, named: bool = False) -> str:
    """The text that raters of ``study`` agree to, Markdown, in the language in force.

    ``named``: a rater beside whose link a name, a note or an address stands.
    """
    said = own(study, "consent", _in_force()) or standard(study, "consent")
    return f"{said}\n\n{gettext(NAMED)}" if named else said


def instructions(study: Study) -> str:
    """The instructions of ``study``, Markdown, in the language in force."""
    return own(study, "instructions", _in_force()) or standard(study, "instructions")


def _in_force() -> str:
    return (get_language() or "en").partition("-")[0]


def own(study: Study, name: str, language: str) -> str:
    """What ``study`` says itself in that language: its text of it, else that of every language."""
    said: str = study.texts.get(name, {}).get(language, "")
    return said if said.strip() else getattr(study, name)


def standard(study: Study, name: str) -> str:
    """The standard text in the language in force; the consent with what ``study`` says of itself.

    Nothing is added to it where the study says nothing.
    """
    if name == "instructions":
        return gettext(INSTRUCTIONS)
    told = [
        gettext(line).replace(f"{{{field}}}", plain(getattr(study, field)))
        for field, line in TELLS.items()
        if getattr(study, field).strip()
    ]
    about = [gettext(ABOUT), "\n".join(f"- {line}" for line in told)] if told else []
    return "\n\n".join([gettext(CONSENT), *about])


def plain(said: str) -> str:
    r"""Markdown that shows a line as it was typed.

    >>> plain("  *A* & B_C,\n[mail](me@a.example)")
    '\\*A\\* \\& B\\_C, \\[mail\\](me@a.example)'
    """
    return re.sub(r"([\\`*_\[\]<&])", r"\\\1", " ".join(said.split()))


def unlike(texts: Any) -> str:
    """Why these cannot be the ``texts`` of a study, in a sentence; empty if they can."""
    if not isinstance(texts, dict):
        return _form()
    for name, by_language in texts.items():
        if name not in NAMES or not isinstance(by_language, dict):
            return _form()
        for language, text in by_language.items():
            if language not in LANGUAGES or not isinstance(text, str):
                return _form()
            if len(text) > LONGEST:
                return too_long(text)
    return ""


def _form() -> str:
    languages = " and ".join(LANGUAGES)
    return (
        f"texts are {' and '.join(NAMES)}, each by language ({languages}), as in "
        '{"consent": {"en": "Some text"}}'
    )


def too_long(text: str) -> str:
    """The sentence about a text that is longer than :data:`LONGEST`."""
    return f"{len(text)} characters; a text can have {LONGEST}, some five pages"


def missing(study: Study) -> dict[tuple[str, str], str]:
    """By text and language what raters would read in another wording than others, and why.

    Where the pages follow the rater's browser, a text of the study's own in one language beside a
    standard text in another would be two different contents.
    """
    found: dict[tuple[str, str], str] = {}
    if study.language:
        return found
    for name in NAMES:
        written = [code for code in LANGUAGES if own(study, name, code).strip()]
        for code in LANGUAGES:
            if written and code not in written:
                there = " and ".join(LANGUAGES[each] for each in written)
                found[name, code] = (
                    f"In {there} raters would read the study's own {name}, in {LANGUAGES[code]} "
                    f"the standard text; write it in {LANGUAGES[code]} too, or name {there} as the "
                    "language of the pages"
                )
    return found


def html(markdown: str) -> SafeString:
    """CommonMark as HTML; raw HTML is text, and an image, which could be elsewhere, a link.

    >>> html("Some *words* <script>")
    '<p>Some <em>words</em> &lt;script&gt;</p>\\n'
    """
    return mark_safe(_parser().render(markdown))  # noqa: S308 (the parser escapes all HTML)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).disable("image")
