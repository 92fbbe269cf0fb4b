"""The standard texts for raters, and Markdown as HTML.

A study that has texts of its own shows those instead. What a rater was shown is stored with them,
so that a later version of a standard text changes nothing about who agreed to what.
"""

from __future__ import annotations

from functools import cache

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, gettext_noop
from markdown_it import MarkdownIt

from study.models import Study

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

INSTRUCTIONS = gettext_noop("""\
You will see one image at a time. Judge how good it looks **to you** and answer with one of five \
categories, from bad to excellent.

There is no right answer, and no need to think long: about ten seconds for an image are plenty. \
The first impression counts.

Sit as you normally sit at this screen, with glasses if you wear them, and keep the browser's zoom \
at 100 %.""")


def consent(study: Study) -> str:
    """The text that raters of ``study`` agree to, Markdown, in the language in force."""
    return study.consent or gettext(CONSENT)


def instructions(study: Study) -> str:
    """The instructions of ``study``, Markdown, in the language in force."""
    return study.instructions or gettext(INSTRUCTIONS)


def html(markdown: str) -> SafeString:
    """CommonMark as HTML; raw HTML is text, and an image, which could be elsewhere, a link.

    >>> html("Some *words* <script>")
    '<p>Some <em>words</em> &lt;script&gt;</p>\\n'
    """
    return mark_safe(_parser().render(markdown))  # noqa: S308 (the parser escapes all HTML)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).disable("image")
