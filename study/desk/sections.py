"""The parts of a draft that are edited on a page each."""

from __future__ import annotations

from study.desk.calibration_section import CalibrationForm
from study.desk.shown_section import ShownForm
from study.desk.texts_section import TextsForm
from study.desk.told import Section, SectionForm


class ScreeningForm(SectionForm):
    """Who may take part."""

    class Meta(SectionForm.Meta):
        fields = ["screen_device", "screen_window", "screen_vision", "plates", "plate_errors"]


class SessionsForm(SectionForm):
    """Sessions, breaks, the order of images and the page that shows them."""

    class Meta(SectionForm.Meta):
        fields = [
            "session_minutes", "sessions", "break_minutes", "first_stabilising",
            "later_stabilising", "share", "retests", "source_gap", "longest_run",
            "shortest_view_ms", "undo_seconds", "hint_seconds",
        ]  # fmt: skip

    @property
    def effort(self) -> dict[str, int]:
        """What a rater is in for by what is typed; nothing while something is wrong."""
        return {} if self.said_wrong or not self.shows else self.instance.effort(len(self.shows))


class AnalysisForm(SectionForm):
    """What the analysis is told beforehand."""

    class Meta(SectionForm.Meta):
        fields = ["planned_raters", "least_correlation"]


class StudyForm(SectionForm):
    """What the study is called."""

    class Meta(SectionForm.Meta):
        fields = ["title", "slug"]
        error_messages = {
            "slug": {
                "unique": "There is a study of this name already; choose another name",
                "invalid": "Letters, digits, hyphens and underscores only",
            }
        }


SECTIONS = {
    section.name: section
    for section in (
        Section(
            "shown", "What is shown", ShownForm, "study/desk/shown.html",
            "study/desk/shown_sums.html",
        ),
        Section("screening", "Who may take part", ScreeningForm),
        Section(
            "calibration",
            "Calibration",
            CalibrationForm,
            "study/desk/calibration.html",
            "study/desk/calibration_now.html",
        ),
        Section(
            "sessions",
            "Sessions and order",
            SessionsForm,
            "study/desk/sessions.html",
            "study/desk/effort_sums.html",
        ),
        Section("texts", "Texts", TextsForm, "study/desk/texts.html", "study/desk/texts_read.html"),
        Section("analysis", "Analysis", AnalysisForm, "study/desk/analysis.html"),
        Section("study", "Study", StudyForm, "study/desk/study_part.html"),
    )
}  # fmt: skip
"""By name, in the order of pages."""
