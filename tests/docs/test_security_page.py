"""What docs/security.md claims can be looked up: the tests exist, no requirement is left out."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
CLAIMS, STANDARD = PAGE.split("## OWASP ASVS 5.0.0")
SECTIONS = {
    "1": (2, 9, 11, 3, 2), "2": (3, 3, 4, 1), "3": (0, 2, 4, 6, 5, 0, 2), "4": (3, 1, 2, 4),
    "5": (1, 3, 2, 3), "6": (3, 12, 4, 4, 5, 3, 0, 4), "7": (3, 4, 2, 5, 2, 2), "8": (2, 3, 1, 1),
    "9": (3, 4), "10": (2, 2, 4, 11, 5, 2, 3), "11": (2, 3, 3, 4, 1, 1), "12": (3, 2, 4),
    "13": (1, 5, 2, 5), "14": (2, 4, 3), "15": (3, 3, 7), "16": (1, 5, 4, 3, 3), "17": (1, 4, 2),
}  # fmt: skip
"""How many requirements of levels 1 and 2 each section of a chapter has, in ASVS 5.0.0."""
NUMBERS = [
    f"{chapter}.{section}.{number}"
    for chapter, counts in SECTIONS.items()
    for section, count in enumerate(counts, 1)
    for number in range(1, count + 1)
]


def test_every_test_that_is_named_exists():
    named = [
        (file, name)
        for file, names in re.findall(r"`(tests/[\w/]+\.py)`: ((?:`\w+`(?:, )?)+)", CLAIMS)
        for name in re.findall(r"`(\w+)`", names)
    ]
    assert len(named) > 50
    sources = {file: (ROOT / file).read_text() for file, _ in named if (ROOT / file).is_file()}
    gone = [
        f"{file}: {name}"
        for file, name in named
        if not re.search(rf"^def test_{name}\(", sources.get(file, ""), re.MULTILINE)
    ]
    assert gone == []


def test_every_defence_names_where_it_is_and_a_test():
    part = CLAIMS.split("## What is defended how")[1].split("\n\n")[1]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines()[2:]]
    assert len(rows) > 20
    for against, _, where, seen in rows:
        assert "`" in where, against
        assert re.search(r"`tests/[\w/]+\.py`: `\w+`", seen), against


def test_every_requirement_of_levels_1_and_2_is_answered_once():
    answered: Counter[str] = Counter()
    for first, last in re.findall(r"^\| ([\d.]+)(?:-([\d.]+))? \| ", STANDARD, re.MULTILINE):
        begin, end = NUMBERS.index(first), NUMBERS.index(last or first)
        answered.update(NUMBERS[begin : end + 1])
    assert [number for number in NUMBERS if answered[number] != 1] == []
    assert len(NUMBERS) == 253


def test_every_answer_is_one_of_four_and_says_why_not():
    rows = [line.split(" | ") for line in STANDARD.splitlines() if re.match(r"\| \d", line)]
    for number, _, verdict, why in rows:
        assert verdict in {"held", "partly", "not held", "n/a"}, number
        if verdict == "partly":
            assert why.strip("| "), f"{number}: what is missing"
