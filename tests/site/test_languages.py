"""The raters' pages are whole in each language, without gettext at hand."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog, extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

STUDY = Path(__file__).resolve().parents[2] / "study"
LOCALES = sorted((STUDY / "locale").iterdir())
MARKS = {**extract.DEFAULT_KEYWORDS, "gettext_lazy": None, "gettext_noop": None}
# A call of gettext's in what Django makes of a template; the rest of that is no Python.
CALL = re.compile(r"\b(?:np|n|p)?gettext\((?:[^()'\"]|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")*\)")
Id = tuple[str | tuple[str, ...], str | None]


def named(message: Any, context: str | None) -> Id:
    return (message if isinstance(message, str) else tuple(message), context)


def marked() -> set[Id]:
    """Every string that is marked for translation, in code and templates."""
    sources = [path.read_bytes() for path in STUDY.rglob("*.py")]
    for path in STUDY.rglob("*.html"):
        calls = CALL.findall(templatize(path.read_text()))
        sources.append("\n".join(calls).encode())
    return {
        named(message, context)
        for source in sources
        for _, message, _, context in extract.extract("python", BytesIO(source), MARKS)
    }


def strings(catalog: Catalog) -> dict[Id, str | tuple[str, ...]]:
    return {
        named(m.id, m.context): m.string if isinstance(m.string, str) else tuple(m.string or ())
        for m in catalog
        if m.id
    }


@pytest.fixture(params=LOCALES, ids=lambda path: path.name)
def locale(request) -> Path:
    return request.param / "LC_MESSAGES"


def test_every_marked_string_is_translated_and_no_other(locale):
    with (locale / "django.po").open("rb") as file:
        written = read_po(file)
    assert [message.id for message in written if message.fuzzy and message.id] == []
    translated = strings(written)
    assert translated.keys() == marked()
    assert len(translated) > 100
    empty = [
        said for said, text in translated.items()
        if not all([text] if isinstance(text, str) else text)
    ]  # fmt: skip
    assert empty == []


def test_placeholders_survive_translation(locale):
    with (locale / "django.po").open("rb") as file:
        for (said, _), text in strings(read_po(file)).items():
            originals, texts = ([t] if isinstance(t, str) else list(t) for t in (said, text))
            pattern = r"%\(\w+\)[sd]|\{\w+\}"
            wanted = set(re.findall(pattern, originals[-1]))
            assert all(set(re.findall(pattern, t)) == wanted for t in texts), said


def test_what_is_shipped_is_what_is_written(locale):
    with (locale / "django.po").open("rb") as po, (locale / "django.mo").open("rb") as mo:
        assert strings(read_mo(mo)) == strings(read_po(po))
