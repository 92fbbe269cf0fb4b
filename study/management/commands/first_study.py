"""``manage.py first_study``: a first study for a new site, without serving it."""

from __future__ import annotations

from typing import Any

from study.desk import first
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Bring in images, make the outputs, open a first study and print who goes where."

    def handle(self, *args: Any, **options: Any) -> None:
        first.check_folders()
        with first.alone(self.say):
            found = first.prepare(say=self.say, progress=options["verbosity"] > 0)
        self.say("\n" + "\n".join(f"  {line}" for line in found.lines))
        self.remark(found.remarks)
