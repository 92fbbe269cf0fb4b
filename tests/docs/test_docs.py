"""Documentation is tested: what can be set, called or opened is documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import URLResolver, get_resolver

from sr_models.training import command as training
from sr_models.training import family
from sr_models.training.recipes import NAMES, SCALES

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs/operations.md").read_text()
TEXTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *ROOT.glob("sr_models/**/*.md")]


def test_every_setting_is_documented_and_every_documented_one_exists():
    source = (ROOT / "study/settings.py").read_text()
    read = set(re.findall(r'(?:text|folder|file|flag|number|environ\.get)\(\s*"([A-Z_]+)"', source))
    rows = OPERATIONS.split("## Settings")[1].split("## Commands")[0]
    assert set(re.findall(r"^\| `([A-Z_]+)`", rows, re.MULTILINE)) == read


def test_every_command_is_documented_and_every_documented_one_exists():
    ours = {name for name, app in get_commands().items() if app == "study"}
    rows = OPERATIONS.split("## Commands")[1].split("## Addresses")[0]
    first_cells = re.findall(r"^\| (`.+?) \| ", rows, re.MULTILINE)
    documented = {w for cell in first_cells for w in re.findall(r"`([a-z_]+)", cell)}
    assert documented == ours


def routes(patterns) -> Iterator[str]:
    """Every address of ours; of Django's admin, which has a namespace, the beginning."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver) and pattern.namespace is None:
            yield from routes(pattern.url_patterns)
        else:
            yield f"/{pattern.pattern}"


def test_every_address_is_documented():
    rows = OPERATIONS.split("## Addresses")[1]
    documented = re.findall(r"`(/[^`]*)`", rows)
    ours = list(routes(get_resolver().url_patterns))
    assert len(ours) > 20
    for address in ours:
        # <str:token> and the like become the words of the table; an extension is any of them.
        route = address.replace(".<str:extension>", "")
        route = re.sub(r"<\w+:(\w+)>", lambda m: m[1].upper(), route)
        assert any(d.startswith(route) for d in documented), route


@pytest.mark.parametrize("text", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_pictures_between_the_documents_exist(text):
    for target in re.findall(r"\]\(([^)#]+)", text.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (text.parent / target).exists(), target


SOURCES = [
    path
    for folder in ("benchmarks", "docs", "sr_models", "study", "tests", "tools")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".md", ".html", ".js", ".css", ""} and path.is_file()
] + [ROOT / name for name in ("README.md", "Makefile", "pyproject.toml")]
NAMED = re.compile(
    r"(?<![\w/.-])((?:benchmarks|docs|sr_models|study|tests|tools)/[\w/*-]+"
    r"(?:\.(?:py|html|js|css|svg|md|po|mo|png|safetensors)\b|/(?=[\s`)])))"
)


def test_no_file_names_a_place_of_this_house_that_is_not_there():
    from_here = (ROOT, ROOT / "study/templates", ROOT / "study/static")
    named = {
        (path.relative_to(ROOT), place)
        for path in SOURCES
        for place in NAMED.findall(path.read_text())
    }
    assert len(named) > 100
    gone = {
        f"{path}: {place}"
        for path, place in named
        if not any(any(folder.glob(place)) for folder in from_here)
    }
    assert gone == set()


@pytest.mark.parametrize("floor", ["desk", "rating", "site", "models"])
def test_the_picture_of_the_house_shows_every_room_of_its_floors(floor):
    picture = (ROOT / "docs/house.md").read_text().split("## A vote")[0]
    drawn = picture.split(f"│ {floor}/")[1].split("├")[0]
    rooms = {path.stem for path in (ROOT / "study" / floor).glob("*.py")} - {"__init__"}
    assert {room for room in rooms if not re.search(rf"\b{room}\b", drawn)} == set()


def test_every_recipe_scale_and_option_of_training_is_documented(capsys):
    text = (ROOT / "docs/training.md").read_text()
    for parse in (training.parse, family.parse):
        with pytest.raises(SystemExit):
            parse(["--help"])
    options = set(re.findall(r"--[a-z0-9-]+", capsys.readouterr().out)) - {"--help"}
    assert {option for option in options if option not in text} == set()
    for name in (*NAMES, *SCALES):
        assert f"`{name}`" in text
