"""``manage.py invite SLUG N``: personal links for N raters, or for a list of people."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from benchmarks.files import write_whole
from study.desk import invitees, links, studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = (
        "Make N personal links to a study, or one for each of a list of people; each is for one "
        "rater, on any device."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("count", type=int, nargs="?", metavar="N")
        parser.add_argument(
            "--names", type=Path, metavar="FILE", help="people, one a line: a name, mail, or both"
        )
        parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write a table instead")

    def handle(self, *args: Any, **options: Any) -> None:
        out, names, count = (options[name] for name in ("out", "names", "count"))
        if (names is None) == (count is None):
            raise ValueError("say how many links to make, or --names FILE, and not both")
        if out is not None and not out.parent.is_dir():
            raise ValueError(f"{out.parent} is not a folder; --out {out} cannot be written there")
        study = studies.get(options["slug"])
        people = [] if names is None else _people(names)
        made = links.invite(study, count or 0, people=people)
        if out is None:
            self.stdout.writelines(f"{links.link(invitation)}\n" for invitation in made)
            return
        write_whole(out, links.links_csv(made).encode())
        self.stdout.write(f"{len(made)} links are in {out}")


def _people(file: Path) -> list[invitees.Person]:
    try:
        return invitees.read(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise ValueError(f"{file} is no text in UTF-8; save it as that") from None
    except invitees.Unreadable as unreadable:
        raise ValueError(f"{file}: {unreadable}") from None
