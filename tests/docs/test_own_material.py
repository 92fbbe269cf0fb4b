"""The page for a stranger is followed to the letter: folders become a study by five commands."""

from __future__ import annotations

import io
import os
import re
import shlex
from pathlib import Path

from django.core.management import call_command

from benchmarks.files import encode_png
from study.models import Study
from tests.own_material import blocky, photographs, softened
from tests.serving import ROOT

PAGE = (ROOT / "docs/own-material.md").read_text()
COMMANDS = re.findall(r"```sh\nalias study=\S+ \S+\n(.+?)```", PAGE, re.DOTALL)


def test_a_folder_of_images_and_two_of_outputs_become_a_study_by_the_commands_of_the_page(
    db, settings, monkeypatch, tmp_path: Path
):
    """As a shell would: words by its quotes, a home for every ``~``."""
    (commands,) = COMMANDS
    lines = [shlex.split(line) for line in commands.splitlines()]
    assert [line[0] for line in lines] == ["study"] * 5
    monkeypatch.setenv("HOME", str(tmp_path))
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    folders = re.findall(r"(?:add_set \S+|--outputs) ~/(\S+)", commands)
    assert len(folders) == 3
    for folder, made in zip(folders, (None, softened, blocky), strict=True):
        (tmp_path / folder).mkdir(parents=True)
        for name, image in photographs(["tower", "bridge", "gate"]).items():
            content = encode_png(made(image) if made else image)
            suffix = "_x4" if made else ""
            (tmp_path / folder / f"{name}{suffix}.png").write_bytes(content)
    said = io.StringIO()
    for _, *words in lines:
        arguments = [os.path.expanduser(word) for word in words]  # noqa: PTH111 - a shell's
        call_command(*arguments, stdout=said, stderr=said, verbosity=0)
    assert "Study noon is open: 12 images for each rater" in said.getvalue()
    study = Study.objects.get(slug="noon")
    shown = set(study.stimuli.values_list("source__name", "method__title"))
    assert len(shown) == 12
    assert {"Ours", "Theirs"} < {title for _, title in shown}
