"""Bring in a method of one's own: the images that it made, its network, or its program."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from benchmarks import own_methods, own_models, own_programs
from study.management.plain import PlainCommand

KINDS = ("outputs", "model", "command")
"""The options that say what a method is made by; each is an option of its own."""
BELONGS = {
    "sets": ("outputs",),
    "pattern": ("outputs",),
    "as_they_are": ("outputs",),
    "scale": ("model", "command"),
    "precision": ("model",),
    "device": ("model",),
    "time_limit": ("command",),
}
"""What else can be said, and with which of them."""
SAID = {"sets": "set"}
"""Options that are called otherwise here."""


class Command(PlainCommand):
    help = "Take a method of your own into METHODS_DIR, checked: what it made, or what makes it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="letters, digits, hyphens, underscores")
        parser.add_argument(
            "--outputs",
            type=Path,
            metavar="FOLDER-or-ARCHIVE",
            help="what it made, under the names of the images, in folders of sets or not",
        )
        parser.add_argument(
            "--model",
            type=Path,
            metavar="FILE",
            help="its network: weights (safetensors, PyTorch) of a known architecture, or ONNX",
        )
        parser.add_argument(
            "--command",
            metavar="'PROGRAM {lr} {out}'",
            help="its program, run for each image: {lr} is the PNG file to be enlarged, {out} the "
            "one to be made, {scale} the scale; it is run here, with your rights, by no shell",
        )
        parser.add_argument(
            "--set",
            dest="sets",
            action="extend",
            nargs="+",
            metavar="SET",
            help="what the outputs are of; otherwise folders and names tell it",
        )
        parser.add_argument(
            "--pattern",
            metavar="PATTERN",
            help="how the files are named where {} is the image's name, such as '{}x4_NAME'; "
            "others are passed over",
        )
        parser.add_argument("--title", help="what tables call it; NAME by default")
        parser.add_argument("--license", help="under which its outputs may be passed on")
        parser.add_argument("--source", help="where it comes from: a paper, a repository")
        parser.add_argument(
            "--as-they-are",
            action="store_true",
            default=None,
            help="also take what looks wrong: colours or images mixed up, or the originals",
        )
        parser.add_argument(
            "--scale",
            type=int,
            help="by how much the model or command enlarges; it is measured, and refused if it is "
            "not this",
        )
        parser.add_argument(
            "--precision",
            help="in which the model is run: float32 (default), float16, bfloat16",
        )
        parser.add_argument(
            "--device", help="where the model is tried: auto (default), cpu or cuda"
        )
        parser.add_argument(
            "--time-limit",
            type=float,
            metavar="SECONDS",
            help="that the program may take for an image; "
            f"{own_programs.TIME_LIMIT:g} unless this says otherwise",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        kind = _kind(options)
        given = {name for name in BELONGS if options[name] is not None}
        for name in given:
            if kind not in BELONGS[name]:
                raise ValueError(
                    f"{_option(name)} belongs to {' and '.join(map(_option, BELONGS[name]))}, not "
                    f"to {_option(kind)}"
                )
        kept = {name: options[name] for name in ("title", "license", "source", *given)}
        kept |= {"folder": settings.METHODS_DIR}
        add = {"outputs": self._outputs, "model": self._model, "command": self._command}[kind]
        self.stdout.write(add(options, kept))

    def _outputs(self, options: dict[str, Any], kept: dict[str, Any]) -> str:
        return own_methods.add(
            options["name"],
            outputs=options["outputs"].expanduser(),
            benchmarks_dir=settings.BENCHMARKS_DIR,
            progress=options["verbosity"] > 0,
            **kept,
        ).sentence

    def _model(self, options: dict[str, Any], kept: dict[str, Any]) -> str:
        model = options["model"].expanduser()
        return own_models.add(options["name"], model=model, **kept).sentence

    def _command(self, options: dict[str, Any], kept: dict[str, Any]) -> str:
        return own_programs.add(options["name"], command=options["command"], **kept).sentence


def _kind(options: dict[str, Any]) -> str:
    """The one kind that is named. Raises ``ValueError`` for none, and for several."""
    named = [kind for kind in KINDS if options[kind] is not None]
    if len(named) == 1:
        return named[0]
    usage = "--outputs FOLDER, --model FILE or --command 'PROGRAM {lr} {out}'"
    if not named:
        raise ValueError(f"name what makes the images of the method: {usage}")
    raise ValueError(f"a method is made by one thing; name one of {usage}")


def _option(name: str) -> str:
    return f"--{SAID.get(name, name).replace('_', '-')}"
