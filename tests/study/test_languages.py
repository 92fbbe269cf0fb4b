"""The raters' pages are whole in each language, without gettext at hand."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import pytest

LOCALES = sorted((Path(__file__).resolve().parents[2] / "study/locale").iterdir())


def text_of(entry: str, key: str) -> str | None:
    """The text behind ``msgid`` or ``msgstr`` of one entry of a .po file, its lines joined."""
    found = re.search(rf'^{key} ((?:"(?:[^"\\]|\\.)*"\n?)+)', entry, re.MULTILINE)
    if found is None:
        return None
    quoted = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found[1]))
    return quoted.replace(r"\n", "\n").replace(r"\"", '"').replace("\\\\", "\\")


@pytest.mark.parametrize("locale", LOCALES, ids=lambda path: path.name)
def test_every_string_is_translated_and_compiled_as_it_is_written(locale):
    entries = (locale / "LC_MESSAGES/django.po").read_text().split("\n\n")[1:]
    with (locale / "LC_MESSAGES/django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    written = 0
    for entry in entries:
        said = text_of(entry, "msgid")
        if not said or entry.startswith("#~"):
            continue
        assert "#, fuzzy" not in entry, said
        if "msgid_plural" in entry:
            forms = [text_of(entry, rf"msgstr\[{n}\]") for n in (0, 1)]
            assert all(forms), said
        else:
            translated = text_of(entry, "msgstr")
            assert translated, said
            if "msgctxt" not in entry:
                assert compiled.gettext(said) == translated
        written += 1
    assert written > 100
