"""``manage.py create_study SLUG``: a study from a preset, opened unless told otherwise."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study.desk import studies
from study.management.plain import PlainCommand


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise ValueError(f"--set {text}: write NAME=VALUE")
    return name, value


class Command(PlainCommand):
    help = "Create a study and open it, which freezes its images."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="name of the study in addresses and commands")
        parser.add_argument("--preset", default="quick", help=" or ".join(studies.PRESETS))
        parser.add_argument("--title", default="", help="for researchers; raters do not see it")
        parser.add_argument("--sets", nargs="+", default=[], metavar="SET")
        parser.add_argument("--methods", nargs="+", default=[], metavar="METHOD")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            dest="protocol",
            help="a setting of the protocol, such as session_minutes=20; all are in the docs",
        )
        parser.add_argument(
            "--mixed-scales", action="store_true", help="sets may be of several scales"
        )
        parser.add_argument("--draft", action="store_true", help="do not open it yet")
        parser.add_argument(
            "--researcher", action="append", default=[], metavar="USER", help="who sees the results"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = studies.create(
            options["slug"],
            preset=options["preset"],
            title=options["title"],
            sets=options["sets"],
            methods=options["methods"],
            protocol=dict(_pair(text) for text in options["protocol"]),
            researchers=options["researcher"],
            mixed_scales=options["mixed_scales"],
            opened=not options["draft"],
            say=lambda line: self.remark([line]),
        )
        count = study.stimuli.count()
        self.stdout.write(
            f"Study {study.slug} is {study.state}: {count} images for each rater. "
            f"Invite raters with: manage.py invite {study.slug} 10"
        )
