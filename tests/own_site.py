"""A site of its own for a program that is no test: a database and files in a temporary folder."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from study.models import Study


@contextmanager
def own_site() -> Iterator[Path]:
    """Django on an empty site in a new folder; servers started meanwhile share it.

    Whatever settings the environment has: what is measured is the product as a clone runs it.
    Raises ``RuntimeError`` where Django has read its settings already: it does so once a process.
    """
    from django.apps import apps

    if apps.ready:
        raise RuntimeError("a second site needs a process of its own")
    with tempfile.TemporaryDirectory() as name:
        for setting in settings_of_the_product():
            os.environ.pop(setting, None)
        os.environ |= {
            "VAR_DIR": name,
            "OUTPUTS_DIR": f"{name}/outputs",
            "STIMULI_DIR": f"{name}/stimuli",
            "CALIBRATION_ROOTS": name,
            "FETCH_WEIGHTS": "0",
            "DATABASE": f"{name}/study.sqlite3",
            "SITE_URL": "http://127.0.0.1",
            "ALLOWED_HOSTS": "testserver",
            "DJANGO_SETTINGS_MODULE": "study.settings",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright runs a loop in this thread
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        yield Path(name)


def settings_of_the_product() -> set[str]:
    """The environment variables that the product reads."""
    source = (Path(__file__).parent.parent / "study" / "settings.py").read_text()
    return set(
        re.findall(r"""(?:text|folder|file|flag|number|site|get)\(\s*"([A-Z][A-Z_]+)\"""", source)
    )


def make_outputs(folder: Path, methods: Sequence[str]) -> None:
    """``benchmarks`` (the Samples set) and ``outputs`` by ``methods`` in ``folder``."""
    from benchmarks import fetch, outputs

    images, made = folder / "benchmarks", folder / "outputs"
    fetch.fetch(["Samples"], source=None, destination=images, progress=False)
    outputs.generate(
        benchmarks_dir=images, outputs_dir=made, sets=["Samples"], methods=methods, progress=False
    )


def study_of_photographs(
    folder: Path, slug: str, *, methods: tuple[str, ...], protocol: Mapping[str, Any] | None = None
) -> Study:
    """An open study of the Samples photographs by ``methods``."""
    from study.desk import studies

    make_outputs(folder, methods)
    study = studies.create(
        slug, title="How good do enlarged photographs look?", sets=["Samples"], methods=methods,
        protocol=dict(protocol or {}),
    )  # fmt: skip
    studies.open_(study)
    return study
