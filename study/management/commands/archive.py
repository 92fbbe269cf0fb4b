"""``manage.py archive SLUG --out FILE.zip``: all of a study that can be published."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from benchmarks.files import write_whole
from study.desk import computed, studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Write the archive of a study, the zip that its page offers; however large the study is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--out", type=Path, metavar="FILE.zip", required=True)
        parser.add_argument("--raters", choices=["people", "simulated"], default="people")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        if not out.parent.is_dir():
            raise ValueError(f"{out.parent} is not a folder; --out {out} cannot be written there")
        study = studies.get(options["slug"])
        content = computed.taken(study, kind=options["raters"], name=computed.ARCHIVE)
        write_whole(out, content)
        of = ", of simulated raters" * (options["raters"] == "simulated")
        self.stdout.write(f"{out}: {len(content) / 1e6:.1f} MB{of}")
