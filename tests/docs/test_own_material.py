"""The page for a stranger is followed to the letter: folders become a study by five commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.files import encode_png
from tests.own_material import blocky, photographs, softened
from tests.own_site import settings_of_the_product
from tests.serving import ROOT

PAGE = (ROOT / "docs/own-material.md").read_text()
COMMANDS = re.findall(r"```sh\nalias study=\S+ \S+\n(.+?)```", PAGE, re.DOTALL)


def test_a_folder_of_images_and_two_of_outputs_become_a_study_by_the_commands_of_the_page(
    tmp_path: Path,
):
    (commands,) = COMMANDS
    assert [line.startswith("study ") for line in commands.splitlines()] == [True] * 5
    folders = re.findall(r"(?:add_set \S+|--outputs) ~/(\S+)", commands)
    assert len(folders) == 3
    for folder, made in zip(folders, (None, softened, blocky), strict=True):
        (tmp_path / folder).mkdir(parents=True)
        for name, image in photographs(["tower", "bridge", "gate"]).items():
            content = encode_png(made(image) if made else image)
            suffix = "_x4" if made else ""
            (tmp_path / folder / f"{name}{suffix}.png").write_bytes(content)
    kept = {k: v for k, v in os.environ.items() if k not in settings_of_the_product()}
    environment = kept | {"HOME": str(tmp_path), "VAR_DIR": str(tmp_path / "var")}
    environment |= {"FETCH_WEIGHTS": "0"}
    manage = f"{sys.executable} manage.py"
    script = f'study() {{ {manage} "$@"; }}\nstudy migrate -v0\n{commands}study invite noon 1\n'
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Study noon is open: 12 images for each rater" in done.stdout
    assert "/r/" in done.stdout.splitlines()[-1]
