"""A refusal at a page advises what there is on pages, one at a terminal options and commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from benchmarks import advice as of_commands
from benchmarks import datasets, own_sets
from benchmarks.files import encode_png
from study.desk import advice, jobs, uploads, work
from study.management.plain import sentence
from study.models import Job
from study.models.deeds import By
from study.site.admission import admission
from tests.own_material import bring, photographs

ROOT = Path(__file__).resolve().parents[2]
OF_COMMANDS = re.compile(r"(?:^|[\s(;'])--(?:[a-z]|$)|manage\.py|(?<!\()CALIBRATION_DIR")
NO_PAGE = {
    "benchmarks/own_programs.py": "a program becomes a method by a command alone",
    "benchmarks/programs.py": "so do the limits of programs",
    "benchmarks/advice.py": "these are the words of commands",
    "benchmarks/own_names.py: following": "cut off by `work._first`",
    "benchmarks/own_sets.py: _told": "cut off by `work._first`",
    "benchmarks/datasets.py: mends": "options of the command that is advised",
    "benchmarks/tables.py: as_latex": "a dash",
    "study/desk/advice.py": "the setting is named beside its meaning",
    "study/desk/archive.py": "what an archive says of the command that reads it",
    "study/desk/attention.py": "what is to be done on the server",
    "study/desk/backup.py": "a command alone",
    "study/desk/computed.py": "a program that is started",
    "study/desk/worker.py": "a program that is started",
    "study/desk/first.py": "printed where the server was started",
    "study/desk/imports.py": "figures are brought in by a command alone",
    "study/desk/measures.py": "figures are brought in by a command alone",
    "study/desk/rehearsal.py": "a page replaces what was rehearsed",
    "study/desk/verify.py": "a command alone",
}
"""Modules and functions that may speak of commands, and why."""


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """The function, and each text in it that is no docstring."""
    tree = ast.parse(path.read_text())
    said = {
        id(each.value) for each in ast.walk(tree)
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
    }  # fmt: skip
    for top in tree.body:
        for each in ast.walk(top):
            if not isinstance(each, ast.Constant) or id(each) in said:
                continue
            if isinstance(each.value, str):
                yield getattr(top, "name", ""), each.value


def test_nothing_that_pages_may_refuse_speaks_of_options_or_commands_but_by_advice():
    found = {
        f"{place}: {function}: {text}"
        for folder in ("benchmarks", "sr_models", "study/desk", "study/desk/views")
        for path in (ROOT / folder).glob("*.py")
        for function, text in texts(path)
        if (place := path.relative_to(ROOT).as_posix()) not in NO_PAGE
        and f"{place}: {function}" not in NO_PAGE
        and OF_COMMANDS.search(text)
    }
    assert found == set()


def test_pages_have_words_for_all_that_is_advised_and_tell_nothing_more():
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert advice.PAGES.keys() == of_commands.COMMANDS.keys()
    for what, text in advice.PAGES.items():
        assert names(text) <= names(of_commands.COMMANDS[what]), what
        assert not OF_COMMANDS.search(text), what
    asked = {
        what
        for path in (*ROOT.glob("benchmarks/*.py"), *ROOT.glob("study/desk/*.py"))
        for what in re.findall(r"""advice\(\s*["']([^"']+)["']""", path.read_text())
    }
    assert asked <= of_commands.COMMANDS.keys()


@pytest.fixture
def head(db, settings, tmp_path) -> User:
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    return User.objects.create_superuser("head", password="x")


def test_a_job_names_the_field_that_mends_it_and_a_command_its_option(head, settings, tmp_path):
    upload = uploads.begin(head)
    home = uploads.folder() / upload
    for place, image in zip(("HR", "LR"), photographs("ab").values(), strict=True):
        (home / place).mkdir()
        (home / place / "a.png").write_bytes(encode_png(image))
    with pytest.raises(ValueError, match=r"name one of them, or give --pattern 'HR/\{\}'"):
        own_sets.add("streets", home, folder=settings.BENCHMARKS_DIR, progress=False)
    job = jobs.ask(
        Job.Kind.ADD_SET, by=By(head, "head"), upload=upload, name="streets", scale=4,
        references=True,
    )  # fmt: skip
    done = work.carry_out(job.pk, explain=sentence)
    assert (done.state, "--" in done.told) == (Job.State.FAILED, False)
    assert "“Names of the files” 'HR/{}'" in done.told


def test_a_set_whose_image_was_damaged_is_mended_from_a_page_as_the_refusal_says(
    head, settings, tmp_path
):
    bring(tmp_path, methods=())
    damaged = settings.BENCHMARKS_DIR / "streets" / "east.png"
    right = damaged.read_bytes()
    damaged.write_bytes((settings.BENCHMARKS_DIR / "streets" / "west.png").read_bytes())
    asked = By(head, "head")
    job = jobs.ask(Job.Kind.GENERATE, by=asked, sets=["streets"], methods=["bicubic"])
    told = work.carry_out(job.pk, explain=sentence).told
    assert "manage.py add_set streets FOLDER" in datasets.mends("streets", settings.BENCHMARKS_DIR)
    assert "“Bring in a set of images”, with the name streets, “Mend a set” ticked" in told
    assert "--" not in told

    client = Client()
    client.force_login(head)
    form = client.get(reverse("add", args=["set"]), {"mend": "streets"}).context["form"]
    assert (form["name"].value(), form["mend"].value()) == ("streets", True)
    originals = [
        SimpleUploadedFile(path.name, path.read_bytes())
        for path in sorted((tmp_path / "streets-originals").iterdir())
    ]
    fields = {"name": "streets", "scale": "4", "references": "yes", "upload": originals}
    address = reverse("bring", args=[admission(head.pk), "set"])
    refused = client.post(address, fields)
    assert refused.status_code == 400
    assert "tick “Mend a set”" in refused.content.decode()
    for file in originals:
        file.seek(0)
    client.post(address, fields | {"mend": "on"})
    done = work.carry_out(Job.objects.latest("pk").pk, explain=sentence)
    assert (done.state, damaged.read_bytes()) == (Job.State.DONE, right)


def test_images_of_a_set_that_are_missing_lead_to_the_form_that_puts_them_back(
    head, settings, tmp_path
):
    bring(tmp_path, methods=())
    (settings.BENCHMARKS_DIR / "streets" / "east.png").unlink()
    client = Client()
    client.force_login(head)
    page = client.get(reverse("catalogue")).content.decode()
    assert f'href="{reverse("add", args=["set"])}?mend=streets"' in page
    assert "1 of 2 images are on this server." in page
