"""The part of a draft with the calibration: from where its images come, which, and how many."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms

from study.desk import anchors, places
from study.desk.told import SectionForm
from study.models.roots import check_calibration_folder

TYPED = "typed"
"""What the choice of a place says if a folder is named beside it."""
BESIDE = 12
"""Images that are shown behind those that are used, to see what would take their place."""


def _place(data: Any) -> str:
    """The place that was chosen, or typed."""
    chosen: str = data.get("place", "")
    typed = data.get("typed", "").strip()
    return f"{places.FOLDER}{typed}" * bool(typed) if chosen == TYPED else chosen


class FolderOfPlace(forms.Widget):
    """The folder, if one was chosen or typed; the page lays the choice out."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        """The folder's name."""
        chosen = _place(data)
        return chosen.removeprefix(places.FOLDER) if chosen.startswith(places.FOLDER) else ""


class SetOfPlace(forms.Widget):
    """The set, if one was chosen."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        """The set's name."""
        chosen = _place(data)
        return chosen.removeprefix(places.SET) if chosen.startswith(places.SET) else ""


class LeftOut(forms.Widget):
    """The images whose boxes were ticked; none if they are of another place than the chosen one."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        """The names of the images."""
        if data.get("boxes_of", "") != _place(data):
            return []
        ticked: list[str] = data.getlist("left_out") if hasattr(data, "getlist") else []
        return ticked


@dataclass(frozen=True)
class Candidate:
    """An image of the chosen place, as the page shows it."""

    name: str
    number: int
    left_out: bool
    used: bool


class CalibrationForm(SectionForm):
    """Whether and on what raters are calibrated."""

    calibration_folder = forms.CharField(
        required=False, widget=FolderOfPlace, max_length=500, validators=[check_calibration_folder]
    )
    calibration_set = forms.SlugField(required=False, widget=SetOfPlace)
    calibration_left_out = forms.Field(required=False, widget=LeftOut)

    class Meta(SectionForm.Meta):
        fields = [
            "calibrate", "calibration_examples", "calibration_checks", "calibration_errors",
            "calibration_attempts",
        ]  # fmt: skip

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The settings that have a field of their own, whether to calibrate first."""
        return [self.row(name) for name in self.Meta.fields]

    @property
    def figures(self) -> list[dict[str, Any]]:
        """How many images, errors and attempts."""
        return self.rows[1:]

    def clean_calibration_folder(self) -> str:
        """The folder, which is named if one is to be."""
        named: str = self.cleaned_data["calibration_folder"]
        if self.typing and not named:
            raise forms.ValidationError("Name the folder, or choose one of those that there are.")
        return named

    def found_wrong(self) -> dict[str, str]:
        """Also whether there are images enough; no image is read."""
        found = super().found_wrong()
        figured = {"calibration_examples", "calibration_checks"} & found.keys()
        if (
            self.instance.calibrate
            and not figured
            and (said := anchors.short(self.instance, self._sets))
        ):
            found.setdefault("calibration_folder", said)
        return found

    @property
    def problems_of_place(self) -> list[str]:
        """What is wrong with the place, or with what is left out of its images."""
        names = ("calibration_folder", "calibration_set", "calibration_left_out")
        return [said for name in names for said in self.row(name)["problems"]]

    @cached_property
    def _sets(self) -> dict[str, bool]:
        return anchors.sets_of(self.instance)

    @property
    def place(self) -> str:
        """The place that is chosen, or typed."""
        if self.is_bound:
            return _place(self.data)
        named = (self[f"calibration_{each}"].value() or "" for each in ("folder", "set"))
        return places.written(*named)

    @property
    def boxes_of(self) -> str:
        """The place whose images the page shows just now."""
        return self.data.get("boxes_of", "") if self.is_bound else self.place

    @property
    def typing(self) -> bool:
        """Whether a folder is typed, and none of the places chosen."""
        if self.is_bound:
            return self.data.get("place") == TYPED
        return self.place not in {each.value for _, group in self.choices for each in group}

    @property
    def typed(self) -> str:
        """The folder that is typed."""
        if self.is_bound:
            return str(self.data.get("typed", ""))
        return self.place.removeprefix(places.FOLDER) if self.typing else ""

    @cached_property
    def choices(self) -> list[tuple[str, list[places.Place]]]:
        """The places that there are, in groups."""
        return [
            ("", [places.usual(self.instance, self._sets)]),
            ("Folders", places.folders(self._sets)),
            ("Sets of the catalogue", places.sets(self._sets)),
        ]

    @cached_property
    def _images(self) -> list[anchors.Image]:
        try:
            return anchors.chosen(places.at(self.instance, self.place), self._sets).images
        except ValueError:
            return []

    @cached_property
    def candidates(self) -> list[Candidate]:
        """The images of the place: those that are used and some more, and all that are left out."""
        left_out = set(self["calibration_left_out"].value() or ())
        shown = [each for each in self._images if each.name not in left_out]
        most = anchors.most_used(self.instance)
        used = {each.name for each in shown[:most]}
        listed = used | {each.name for each in shown[most : most + BESIDE]} | left_out
        return [
            Candidate(each.name, number, each.name in left_out, each.name in used)
            for number, each in enumerate(self._images)
            if each.name in listed
        ]

    @property
    def listed(self) -> list[Candidate]:
        """Those that the page shows already, as their boxes were when it was made."""
        last = str(self.data.get("last", "")) if self.is_bound else ""
        most = int(last) if last.isdecimal() else 0
        return [each for each in self.candidates if each.left_out or each.number <= most]

    @property
    def counts(self) -> dict[str, int]:
        """How many images there are, how many of them are used, and how many are needed."""
        there, out = len(self._images), sum(each.left_out for each in self.candidates)
        return {
            "there": there,
            "left_out": out,
            "used": sum(each.used for each in self.candidates),
            "needed": anchors.needed(self.instance),
            "more": there - len(self.candidates),
        }
