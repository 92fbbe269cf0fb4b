"""The preview of a study: raters' pages for its researchers. Nothing here stores anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import get_script_prefix, reverse, set_script_prefix
from django.utils import translation
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from study.desk import preview, sheet
from study.desk import preview_order as order
from study.desk.preview import Scene
from study.models import Rater, Right, Study
from study.rating import plates, screening, votes
from study.rating.forms import ScreeningForm, sent
from study.rating.pages import Page
from study.site.access import study_for

P = ParamSpec("P")
ORDERS = 1000
"""Seeds that the overview offers, one after the other; any other can be typed."""


@dataclass(frozen=True)
class At:
    """A place in a preview."""

    study: Study
    language: str
    seed: int
    scene: Scene
    scenes: list[Scene]

    def address(self, name: str = "", language: str = "") -> str:
        """Of a scene, in a language; of the overview where none is named."""
        language = language or self.language
        if not name:
            return f"{reverse('preview', args=[self.study.slug])}?language={language}"
        return reverse("preview_page", args=[self.study.slug, language, self.seed, name])

    def bar(self) -> dict[str, Any]:
        """What the bar over a page says and leads to."""
        place = self.scenes.index(self.scene)
        around = [None, *self.scenes, None][place : place + 3 : 2]
        before, after = (each and (each.title, self.address(each.name)) for each in around)
        others = [
            (code, title, self.address(self.scene.name, code))
            for code, title in preview.languages(self.study).items()
        ]
        return {
            "scene": self.scene,
            "place": place + 1,
            "count": len(self.scenes),
            "before": before,
            "after": after,
            "overview": self.address(),
            "language": self.language,
            "languages": others if len(others) > 1 else [],
        }


def of_preview(
    view: Callable[Concatenate[HttpRequest, At, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, str, str, int, str, P], HttpResponse]:
    """A view of a page of a preview, in that language, for researchers of the study."""

    @login_required
    @wraps(view)
    def inner(
        request: HttpRequest,
        slug: str,
        language: str,
        seed: int,
        name: str,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> HttpResponse:
        study = study_for(request, slug, Right.SEE)
        scenes = preview.scenes(study)
        scene = next((each for each in scenes if each.name == name), None)
        if scene is None or language not in preview.languages(study):
            raise Http404(f"A rater of {slug} meets no such page.")
        with translation.override(language):
            return view(request, At(study, language, seed, scene, scenes), *args, **kwargs)

    return inner


@require_safe
@login_required
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """All pages that a rater of this study can meet."""
    study = study_for(request, slug, Right.SEE)
    languages = preview.languages(study)
    asked = request.GET.get("language", "")
    language = asked if asked in languages else next(iter(languages))
    seed = request.GET.get("order", "1")
    seed = seed if seed.isdecimal() and len(seed) < 10 else "1"
    scenes = preview.scenes(study)
    rows = [
        (scene, reverse("preview_page", args=[slug, language, int(seed), scene.name]))
        for scene in scenes
    ]
    context = {
        "study": study,
        "way": [row for row in rows if not row[0].aside],
        "aside": [row for row in rows if row[0].aside],
        "languages": languages.items(),
        "language": language,
        "order": int(seed),
        "another": int(seed) % ORDERS + 1,
        "missing": sheet.missing(study),
        "stimuli": study.stimuli.count(),
        "problem": order.calibration_problem(study),
    }
    return render(request, "study/desk/preview/overview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@of_preview
def page(request: HttpRequest, at: At) -> HttpResponse:
    """One page, as a rater gets it, with a bar that says that it is a preview."""
    if request.method == "POST":  # the page that asks what is to become of the answers
        erase = request.POST.get("answers") == "delete"
        return redirect(at.address("deleted" if erase else "stopped"))
    made = preview.page(at.study, at.scene.name, seed=at.seed)
    return _shown(request, at, made)


def _shown(request: HttpRequest, at: At, made: Page, *, status: int = 0) -> HttpResponse:
    context = made.context | {"previewed": made.path, "preview": at.bar()}
    with _below(at.address(at.scene.name)):
        return render(
            request, "study/desk/preview/page.html", context, status=status or made.status
        )


@contextmanager
def _below(address: str) -> Iterator[None]:
    """Addresses that are made meanwhile lie below this one: a rater's page leads to no other."""
    before = get_script_prefix()
    set_script_prefix(address)
    try:
        yield
    finally:
        set_script_prefix(before)


@require_http_methods(["GET", "HEAD", "POST"])
@of_preview
def on(request: HttpRequest, at: At) -> HttpResponse:
    """The button of a page was pressed: the page that comes next."""
    return redirect(at.address(at.scene.leads))


@require_safe
@of_preview
def leave(request: HttpRequest, at: At) -> HttpResponse:
    """The page that asks what is to become of the answers."""
    rater: Rater | None = preview.page(at.study, at.scene.name, seed=at.seed).context.get("rater")
    over = at.scene.name == "withdrawn" or (rater is not None and rater.stage in Rater.ENDED)
    return redirect(at.address("delete" if over else "leave"))


@require_POST
@of_preview
def screen(request: HttpRequest, at: At) -> HttpResponse:
    """The answers to the screening, judged as a rater's."""
    form = ScreeningForm(request.POST)
    if not form.is_valid():
        return _shown(request, at, preview.screened(at.study, incomplete=True), status=400)
    why = preview.judged(at.study, form.answers(request, at.study.plates), seed=at.seed)
    if why and why not in screening.FOR_GOOD:
        return _shown(request, at, preview.screened(at.study, refusal=why), status=422)
    return redirect(at.address(why or at.scene.leads))


@require_safe
@of_preview
def plate(request: HttpRequest, at: At, number: int) -> HttpResponse:
    """One of the colour plates."""
    own = preview.plates_of(at.study, seed=at.seed)
    if not 0 <= number < len(own):
        raise Http404
    return HttpResponse(plates.png(own[number]), content_type="image/png")


@require_GET
@of_preview
def upcoming(request: HttpRequest, at: At) -> JsonResponse:
    """Where a rater stands who has just come to this page."""
    name = _rated(at)
    first, _ = order.images(at.study, name, seed=at.seed)
    return JsonResponse(order.standing(at.study, name, seed=at.seed, position=first))


@require_POST
@of_preview
def vote(request: HttpRequest, at: At) -> JsonResponse:
    """What a rater's vote is answered, which is stored nowhere."""
    name = _rated(at)
    try:
        given = sent(request)
        told = order.answer(at.study, name, given, seed=at.seed)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
    except votes.Refused as refusal:
        return JsonResponse({"error": str(refusal)}, status=refusal.status)
    return JsonResponse(told)


def _rated(at: At) -> str:
    """The name of a page with images. Raises ``Http404`` for a page of text."""
    if not preview.has_images(at.scene):
        raise Http404(f"There are no images on the page {at.scene.name}.")
    return at.scene.name
