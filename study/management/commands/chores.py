"""``manage.py chores``: what is due once a day."""

from __future__ import annotations

from typing import Any

from study.desk import chores
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Do what is due once a day: sessions, failed sign-ins, leftovers, the database's log."

    def handle(self, *args: Any, **options: Any) -> None:
        for sentence in chores.do_all():
            if options["verbosity"]:
                self.stdout.write(sentence)
