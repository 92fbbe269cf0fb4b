"""What refusals advise somebody at a page: its fields and buttons, where commands have options."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse

from benchmarks.advice import in_words
from study.desk.bringing import AddBenchmark, AddOutputs, AddSet, Bringing


def _field(form: type[Bringing], name: str) -> str:
    return f"“{form.base_fields[name].label}”"


PAGES: Mapping[str, str] = {
    "pattern": _field(AddSet, "pattern"),
    "LR pattern": _field(AddSet, "lr_pattern"),
    "LR": "“LR images”",
    "as they are": _field(AddSet, "as_they_are"),
    "no originals": f"“there are no originals” under {_field(AddSet, 'references')}",
    "scale": f"×{{scale}} under {_field(AddSet, 'scale')}",
    "set": _field(AddOutputs, "sets"),
    "set of name": f"{{name}} under {_field(AddOutputs, 'sets')}",
    "title": _field(AddOutputs, "title"),
    "license": _field(AddOutputs, "license"),
    "mixed scales": "let the study mix them",
    "other methods": "choose others",
    "remove method": "remove {name} on its page in the catalogue",
    "remove set": "remove {name} on its page in the catalogue",
    "bring outputs": f"“{AddOutputs.heading}” in the catalogue",
    "bring method": "the catalogue",
    "bring set": "the catalogue",
    "bring set of elsewhere": f"“{AddSet.heading}” in the catalogue",
    "bring benchmark": f"“{AddBenchmark.heading}” in the catalogue",
    "bring benchmarks": "the catalogue",
    "from": "",
    "get a copy": "get a copy and bring it in from your computer",
    "mend set": f"“{AddSet.heading}”, with the name {{name}}, "
    f"{_field(AddSet, 'mend')} ticked and the images that it was made from,",
    "make": "a click in the catalogue",
    "make these": "a click in the catalogue",
    "calibration folder": "this server's folder of calibration images (CALIBRATION_DIR)",
}
"""As `benchmarks.advice.COMMANDS`, by what is advised."""


def speak_of_pages(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: whatever is refused while a page is made, is read on a page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with in_words(PAGES):
            return get_response(request)

    return middleware
