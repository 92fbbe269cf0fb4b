"""Results image by image, one image's own page, and the largest disagreements."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from study.desk import by_image as pages
from study.desk import computed, exports, sheet
from study.desk.exports import Kind
from study.desk.terms import TERMS
from study.desk.views.ratings_seen import latest, of_ratings
from study.models import Study


@of_ratings
def by_image(request: HttpRequest, chosen: Study, kind: Kind) -> HttpResponse:
    """Every scene with its versions, in pages."""
    context = _found(request, chosen, kind)
    if found := context["found"]:
        page = Paginator(_sorted(request, context), pages.PER_PAGE).get_page(
            request.GET.get("page")
        )
        images = [pages.shown(chosen, each) for each in page]
        context |= {"page": page, "images": images, "sets": pages.sets_of(found)}
        context |= {"orders": pages.orders(found)}
    return render(request, "study/desk/by_image.html", context)


@of_ratings
def one_image(request: HttpRequest, chosen: Study, kind: Kind) -> HttpResponse:
    """One scene by all methods, each at its full size, with all that is known of it."""
    context, asked = _found(request, chosen, kind), request.GET.get("image", "")
    if context["found"]:
        images = _sorted(request, context)
        asked = asked or next(map(pages.name_of, images), "")
        place = next((i for i, each in enumerate(images) if pages.name_of(each) == asked), None)
        source = next((each for each in sheet.sources(chosen) if each.name == asked), None)
        if place is None or source is None:
            raise Http404(f"{chosen.slug} shows no image {asked!r}.")
        image = pages.shown(chosen, images[place], all_figures=True)
        said = {each["method"]: each for each in image["versions"]}
        context |= {
            "image": image,
            "panes": [(pane, said.get(pane.method)) for pane in sheet.panes(chosen, source)],
            "place": place + 1,
            "images": len(images),
            "page": place // pages.PER_PAGE + 1,
            "before": pages.name_of(images[place - 1]) if place else "",
            "after": pages.name_of(images[place + 1]) if place + 1 < len(images) else "",
        }
    return render(request, "study/desk/one_image.html", context)


@of_ratings
def disagreements(request: HttpRequest, chosen: Study, kind: Kind) -> HttpResponse:
    """Examples of where raters disagree, with each other, with a measure, with the whole set."""
    context = _found(request, chosen, kind)
    if context["found"]:
        context |= pages.examples(chosen, context["found"])
    return render(request, "study/desk/disagreements.html", context)


def _found(request: HttpRequest, chosen: Study, kind: Kind) -> dict[str, Any]:
    """What all three pages have: the figures, or that they are being made, and what is asked."""
    made = latest(request, chosen, kind, computed.BY_IMAGE)
    asked = {name: request.GET.get(name, "") for name in ("set", "sort", "turned")}
    kept = {"raters": kind} | {name: value for name, value in asked.items() if value}
    return {
        "study": chosen,
        "kind": kind,
        "kinds": exports.kinds(chosen),
        "made": made,
        "file": computed.BY_IMAGE,
        "found": json.loads(made.path.read_bytes()) if made else None,
        "asked": asked,
        "kept": urlencode(kept),
        "terms": TERMS,
    }


def _sorted(request: HttpRequest, context: dict[str, Any]) -> list[pages.Image]:
    """The scenes in the order that is asked for; an order or set that is not there is a 404."""
    asked = context["asked"]
    try:
        return pages.chosen(
            context["found"],
            of_set=asked["set"],
            sort=asked["sort"] or pages.NAME,
            turned=bool(asked["turned"]),
        )
    except ValueError as problem:
        raise Http404(str(problem)) from problem
