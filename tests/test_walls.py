"""The walls of the house hold: each import contract refuses an import that would break it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINT = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
FILES = ("templates", "static")
NEW_ROOM = str(Path("study", "attic.py"))
"""One that no floor was given to."""
BREACHES = [
    ("Three packages, one direction", "benchmarks/files.py", "import study.plan"),
    ("The floors of study", "study/site/access.py", "from study.rating import sessions"),
    ("The floors of study", "study/models/design.py", "from study.site import access"),
    ("The floors of study", NEW_ROOM, "import study.plan"),
    ("A rater's way knows neither", "study/rating/pages.py", "from study.analysis import opinion"),
    ("A rater's way knows neither", "study/rating/views.py", "from study.desk.results import page"),
    ("Nothing that serves raters", "study/rating/calibration.py", "from sr_models import methods"),
    ("Nothing that serves raters", "study/models/catalog.py", "from benchmarks import datasets"),
    ("Planning and analysis are pure", "study/plan/order.py", "from django.db import connection"),
    ("Planning and analysis are pure", "study/analysis/report.py", "import benchmarks.published"),
    ("Published and measured figures", "study/admin/raters.py", "from benchmarks import published"),
    ("Published and measured figures", "study/urls.py", "from benchmarks.quality import psnr"),
    (
        "A program becomes a method by",
        "study/desk/views/studies.py",
        "from benchmarks import own_programs",
    ),
    ("A program becomes a method by", "study/admin/raters.py", "from benchmarks import programs"),
    ("Study knows a method by", "study/desk/stimuli.py", "from sr_models import srresnet"),
    ("Study knows a method by", "study/management/plain.py", "import torch"),
    ("Methods and benchmarks know no", "sr_models/methods.py", "import django.conf"),
    ("No circles", "study/desk/exports.py", "from study.desk import archive"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Path:
    """The source of the three packages and their contracts, to be broken."""
    folder = tmp_path_factory.mktemp("house")
    for name in ("sr_models", "benchmarks", "study"):
        code_alone = shutil.ignore_patterns("weights", "static", "templates", "locale", "__pyc*")
        shutil.copytree(ROOT / name, folder / name, ignore=code_alone)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_every_contract_is_broken_below_and_says_why_it_is_there():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    for contract in contracts["contracts"]:
        assert contract["broken_contract_guidance"].endswith(".")
        assert any(contract["name"].startswith(name) for name, _, _ in BREACHES), contract["name"]


@pytest.mark.parametrize(("contract", "place", "line"), BREACHES)
def test_a_breach_is_refused_by_its_contract(house, contract, place, line):
    path = house / place
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        ended = subprocess.run(LINT, cwd=house, capture_output=True, text=True, check=False)
    finally:
        path.unlink() if before is None else path.write_text(before)
    assert ended.returncode == 1, ended.stdout
    assert re.search(rf"^{re.escape(contract)}.* BROKEN$", ended.stdout, re.MULTILINE), ended.stdout


@pytest.mark.parametrize("wing", ["rating", "desk", "site"])
def test_pages_name_templates_and_static_files_of_their_own_wing_or_of_the_site(wing):
    folders = [ROOT / "study" / wing, *(ROOT / f"study/{kind}/study/{wing}" for kind in FILES)]
    sources = [path for folder in folders for path in folder.rglob("*.*")]
    named = {
        found
        for path in sources
        if path.suffix in {".py", ".html", ".js", ".css"}
        for found in re.findall(r"study/(\w+)/[\w{}.-]+\.\w+", path.read_text())
    }
    assert wing in named
    assert named <= {wing, "site"}
