"""The forms by which a set, a method's outputs or a model come into the catalogue.

They say at once what can be said at once; the rest is found out by the job that takes it in, with
the very verbs that ``add_set`` and ``add_method`` use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.conf import settings
from django.http import QueryDict

from benchmarks import datasets, own_names, set_names
from benchmarks.material import is_legible, matcher
from sr_models import SCALE
from sr_models.facts import PRECISIONS
from study.desk import jobs, uploads
from study.desk.told import INCOMPLETE, Seen
from study.models import Job

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SCALES = [(str(scale), f"×{scale}") for scale in datasets.SCALES]
NAME = "Letters (a to z), digits, hyphens and underscores, 50 at the most; it stays in file names."
PATTERN = (
    "How the files are called, where {} is the image's name; files that are called otherwise are "
    "passed over. With slashes it is the end of the path, as HR/{}."
)
AS_THEY_ARE = "Take also what looks like a mistake, once you have looked at it."
Field = forms.CharField | forms.ChoiceField | forms.BooleanField


def line(label: str, help_text: str, *, most: int, **more: Any) -> forms.CharField:
    """A field for a line of text that may stay empty."""
    return forms.CharField(
        label=label, help_text=help_text, max_length=most, required=False, **more
    )


def yes(label: str, help_text: str) -> forms.BooleanField:
    """A box to be ticked."""
    return forms.BooleanField(label=label, help_text=help_text, required=False)


class Bringing(forms.Form):
    """What is brought: the uploads of its fields of files, its name, what is told of it."""

    kind: ClassVar[Job.Kind]
    heading: ClassVar[str]
    brought: ClassVar[Mapping[str, str]]
    """The fields that are uploads, with what belongs there."""
    rare: ClassVar[tuple[str, ...]] = ()
    """The fields that most people never need."""
    optional: ClassVar[tuple[str, ...]] = ()
    """Others that may stay empty."""

    def __init__(
        self,
        *args: Any,
        owner: User,
        problems: Mapping[str, list[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.owner, self.problems = owner, problems or {}

    def clean(self) -> dict[str, Any]:
        """Also whether all that was uploaded is there, and the name is free."""
        cleaned = super().clean() or {}
        for field in self.brought:
            self._clean_upload(field, cleaned.get(field, ""))
        for field, text in list(cleaned.items()):  # what is wrong is taken out of them
            if isinstance(text, str) and not is_legible(text):
                self.add_error(field, "A line holds signs that cannot be seen; type it anew.")
        for field in ("pattern", "lr_pattern"):
            if cleaned.get(field):
                self._try(field, lambda field=field: matcher(cleaned[field]))
        if cleaned.get("name") and "name" not in self.errors:
            self._try("name", lambda: self.check_name(cleaned))
        return cleaned

    def check_name(self, cleaned: dict[str, Any]) -> None:
        """Raises ``ValueError`` for a name that cannot be given."""

    def what(self) -> dict[str, Any]:
        """What the job is asked for."""
        return {name: self.cleaned_data[name] for name in self.fields}

    def rows(self) -> list[forms.BoundField]:
        """The fields that everybody sees."""
        return [self[name] for name in self.fields if name not in (*self.brought, *self.rare)]

    def rare_rows(self) -> list[forms.BoundField]:
        """Those that most people never need, but for uploads."""
        return [self[name] for name in self.rare if name not in self.brought]

    def rare_wrong(self) -> bool:
        """Whether anything is wrong with them, or filled in: then they are shown."""
        return any(self[name].errors or self[name].value() for name in self.rare)

    def places(self) -> list[dict[str, Any]]:
        """The fields that are uploads, with what is there of each."""
        return [self._place(name) for name in self.brought]

    def _place(self, name: str) -> dict[str, Any]:
        upload = str(self[name].value() or "")
        there = uploads.files(upload, self.owner) if self._has(upload) else []
        of = f"{self.kind.value} {name}"
        return {
            "key": of,
            "left": "" if upload else uploads.left(self.owner, of, needed=jobs.with_uploads()),
            "field": self[name],
            "of": self.brought[name],
            "rare": name in self.rare,
            "count": len(there),
            "size": sum(file.there for file in there),
        }

    def _has(self, upload: str) -> bool:
        return bool(upload) and uploads.is_there(upload, self.owner)

    def _clean_upload(self, field: str, upload: str) -> None:
        if problems := self.problems.get(field):
            self.add_error(field, problems)
            if self._has(upload):  # not some of them: which ones they are would be a guess
                uploads.forget(upload)
        elif upload or field not in (*self.rare, *self.optional):
            self._try(field, lambda: uploads.finish(upload, self.owner) if upload else _none())

    def _try(self, field: str, check: Any) -> None:
        try:
            check()
        except ValueError as error:
            self.add_error(field, f"{str(error)[:1].upper()}{str(error)[1:]}.")


def _none() -> None:
    raise ValueError("there is no file; choose at least one")


def uploaded() -> forms.CharField:
    """The id of an upload."""
    return forms.CharField(widget=forms.HiddenInput, required=False, max_length=32)


class AddSet(Bringing):
    """A set of images."""

    kind = Job.Kind.ADD_SET
    heading = "Bring in a set of images"
    brought: ClassVar[Mapping[str, str]] = {
        "upload": "Images, or a zip or tar archive of them",
        "lr_upload": "LR images that came with the originals, or an archive of them",
    }
    rare = ("pattern", "lr_upload", "lr_pattern", "as_they_are", "mend")

    upload = uploaded()
    lr_upload = uploaded()
    name = forms.CharField(label="Name", help_text=NAME, max_length=50)
    title = line("Title", "As tables have it; the name, if it is empty.", most=100)
    license = line("Licence", "Under which the images may be shown, such as CC BY 4.0.", most=200)
    scale = forms.ChoiceField(
        label="Enlarged by",
        choices=SCALES,
        initial=str(SCALE),
        help_text="By how much methods enlarge the LR images of the set.",
    )
    references = forms.ChoiceField(
        label="What they are",
        choices=[
            ("yes", "Originals, from which LR images are made"),
            ("no", "What is to be enlarged itself: there are no originals"),
        ],
        help_text="Without originals there is no hidden reference, and no PSNR, SSIM, LPIPS or "
        "DISTS.",
    )
    pattern = line("Names of the files", PATTERN, most=200)
    lr_pattern = line(
        "Names of the LR files",
        "The same for the LR images, with {} for the name of an image: {}x4.",
        most=200,
    )
    as_they_are = yes("As they are", AS_THEY_ARE)
    mend = yes(
        "Mend a set",
        "The set of this name is here, and these are the images that it was made of: what is "
        "missing or damaged of it is put back. Nothing else of it is changed.",
    )

    def check_name(self, cleaned: dict[str, Any]) -> None:
        """A set that is there is taken for meant only by somebody who says so."""
        name, folder = cleaned["name"], Path(settings.BENCHMARKS_DIR)
        set_names.check_name(name, folder)
        there = name in datasets.names(folder)
        if there and not cleaned.get("mend"):
            raise ValueError(
                f"there is a set {name} already; choose another name, or tick "
                f"“{self.fields['mend'].label}”"
            )
        if cleaned.get("mend") and not there:
            raise ValueError(f"there is no set {name} to be mended")

    def clean(self) -> dict[str, Any]:
        """Also whether LR images and originals fit together."""
        cleaned = super().clean()
        if cleaned.get("references") == "no" and cleaned.get("lr_upload"):
            self.add_error(
                "references", "LR images came with originals; without originals leave them out."
            )
        return cleaned

    def what(self) -> dict[str, Any]:
        """As `own_sets.add` takes it."""
        told = super().what()
        if not told["mend"]:
            del told["mend"]
        return told | {"scale": int(told["scale"]), "references": told["references"] == "yes"}


class AboutMethod(Bringing):
    """What is told of any method."""

    name = forms.CharField(label="Name", help_text=NAME, max_length=50)
    title = line("Title", "As tables have it; the name, if it is empty.", most=100)
    license = line("Licence", "Under which its outputs may be passed on.", most=200)
    source = line("Where it is from", "A paper or a repository, best as an address.", most=500)
    upload = uploaded()
    way: ClassVar[str]

    def check_name(self, cleaned: dict[str, Any]) -> None:
        """As the verb does when it begins."""
        told = {name: cleaned.get(name) or None for name in ("title", "license", "source")}
        own_names.described(
            cleaned["name"], Path(settings.METHODS_DIR), own_names.lines(**told), self.way
        )

    def what(self) -> dict[str, Any]:
        """As the verbs take it: what is not told is nothing, not an empty line."""
        return {name: None if told == "" else told for name, told in super().what().items()}


class AddOutputs(AboutMethod):
    """What a method made, somewhere else."""

    kind = Job.Kind.ADD_OUTPUTS
    way = "outputs"
    heading = "Bring in outputs of a method"
    brought: ClassVar[Mapping[str, str]] = {
        "upload": "The images that it made, in folders of sets or not, or an archive of them"
    }
    rare = ("sets", "pattern", "as_they_are")

    sets = line(
        "Sets",
        "Of which sets they are, as Set5 Set14, or Set5_x2 for Set5 at ×2. Empty: the names of "
        "folders and files tell.",
        most=500,
    )
    pattern = line("Names of the files", PATTERN, most=200)
    as_they_are = yes("As they are", AS_THEY_ARE)

    def clean_sets(self) -> list[str]:
        """Names of sets that there are."""
        names = self.cleaned_data["sets"].replace(",", " ").split()
        try:
            return [datasets.manifest(name, Path(settings.BENCHMARKS_DIR)).name for name in names]
        except ValueError as error:
            raise forms.ValidationError(str(error).partition(";")[0]) from None

    def what(self) -> dict[str, Any]:
        """As `own_methods.add` takes it."""
        told = super().what()
        return told | {"sets": told["sets"] or None}


class AddModel(AboutMethod):
    """A network, which makes outputs here."""

    kind = Job.Kind.ADD_MODEL
    way = "model"
    heading = "Bring in a model"
    brought: ClassVar[Mapping[str, str]] = {
        "upload": "One file of weights: .safetensors, .pth, .pt, .ckpt, .bin or .onnx"
    }
    rare = ("scale", "precision")

    scale = forms.ChoiceField(
        label="Enlarges by",
        choices=[("", "as is measured"), *SCALES],
        required=False,
        help_text="It is measured in any case, and refused if it is not what is said here.",
    )
    precision = forms.ChoiceField(
        label="Precision",
        choices=[("", "float32"), *((each, each) for each in PRECISIONS[1:])],
        required=False,
        help_text="In which it is run: another precision makes other images.",
    )

    def what(self) -> dict[str, Any]:
        """As `own_models.add` takes it."""
        told = super().what()
        scale = int(told["scale"]) if told["scale"] else None
        return told | {"scale": scale, "precision": told["precision"] or PRECISIONS[0]}


class AddBenchmark(Bringing):
    """A set whose images this program knows by their pixels."""

    kind = Job.Kind.FETCH
    heading = "Bring in a benchmark set"
    brought: ClassVar[Mapping[str, str]] = {
        "upload": "A copy of it: its images, or a zip or tar archive of them"
    }
    optional = ("upload",)

    name = forms.ChoiceField(label="Set", help_text="Those whose images are not all here.")
    upload = uploaded()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        folder = Path(settings.BENCHMARKS_DIR)
        known = [datasets.manifest(name, folder) for name in datasets.SHIPPED]
        absent = [of for of in known if not datasets.is_there(folder, of.name)]
        self.fields["name"].choices = [(of.name, of.title) for of in absent]  # type: ignore[attr-defined]


def to_mend(name: str) -> dict[str, Any]:
    """What `AddSet` starts with for a set whose images are to be put back; empty if unknown."""
    folder = Path(settings.BENCHMARKS_DIR)
    if name not in datasets.names(folder) or name in datasets.SHIPPED:
        return {}
    of = datasets.manifest(name, folder)
    references = "yes" if of.references else "no"
    return {"name": name, "mend": True, "scale": of.scale, "references": references}


class Tell(forms.Form):
    """What is ``told`` of a set or a method, told otherwise.

    What somebody else has changed since the page was made, and is here as it was, stays as it is
    now; what both have changed is told.
    """

    seen = Seen(widget=forms.HiddenInput, required=False)

    def __init__(self, data: QueryDict | None = None, *, told: Mapping[str, str]) -> None:
        super().__init__(data, initial={**told, "seen": dict(told)})
        self.told = told

    def clean(self) -> dict[str, Any]:
        """Also what somebody else has changed; saved once more, it is as it stands here."""
        cleaned = super().clean() or {}
        seen = cleaned.pop("seen", None)
        if not isinstance(seen, dict) or seen.keys() != self.told.keys():
            raise forms.ValidationError(INCOMPLETE)
        again = cast("QueryDict", self.data).copy()  # for the page that comes again
        again["seen"] = json.dumps(self.told)
        for name, now in self.told.items():
            mine = cleaned.get(name)
            if mine is None or now in (seen[name], mine):
                continue
            if mine == seen[name]:
                cleaned[name] = again[name] = now
                continue
            was, is_now = (f"“{text}”" if text else "nothing" for text in (seen[name], now))
            self.add_error(
                name,
                f"Changed by somebody else meanwhile, from {was} to {is_now}. Save once more to "
                "have what stands here.",
            )
        self.data = again
        return cleaned


class TellSet(Tell):
    """What is told of a set, told otherwise."""

    title = line("Title", "As tables have it; the name, if it is empty.", most=100)
    license = line("Licence", "Under which the images may be shown, such as CC BY 4.0.", most=200)


class TellMethod(Tell):
    """What is told of a method, told otherwise."""

    title = forms.CharField(label="Title", help_text="As tables have it.", max_length=100)
    license = line("Licence", "Under which its outputs may be passed on.", most=200)
    source = line("Where it is from", "A paper or a repository, best as an address.", most=500)


FORMS: dict[str, type[Bringing]] = {
    "set": AddSet,
    "benchmark": AddBenchmark,
    "outputs": AddOutputs,
    "model": AddModel,
}
"""By what is brought, as addresses call it."""
