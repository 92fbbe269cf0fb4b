"""The catalogue: what there is, what is made of it, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from benchmarks import datasets, methods
from study.desk import catalogue as verbs
from study.desk import catalogue_pages, jobs, matrix, pictures
from study.desk.bringing import TellMethod, TellSet
from study.desk.views.bringing import RIGHT
from study.models import Job
from study.models.deeds import By
from study.site.access import by
from study.site.headers import KEEP_NOTHING

FOR_GOOD = "private, max-age=31536000, immutable"
"""For an image at an address that says which one it is."""
AT_WORK = (Job.Kind.GENERATE, *jobs.BRINGING)


@require_safe
@login_required
def catalogue(request: HttpRequest) -> HttpResponse:
    """What there is, at one look."""
    found = verbs.everything(anew=False)
    context = {
        "sets": [row | {"pictures": catalogue_pages.first_pictures(row)} for row in found["sets"]],
        "methods": found["methods"],
        "matrix": matrix.matrix(found),
        "jobs": Job.objects.visible_to(request.user).due().filter(kind__in=AT_WORK),
        "may": request.user.has_perm(RIGHT),
        "empty": not any(row["there"] for row in found["sets"]),
    }
    return render(request, "study/desk/catalogue.html", context)


@require_POST
@login_required
@permission_required(RIGHT, raise_exception=True)
def make(request: HttpRequest) -> HttpResponse:
    """Have made what is missing: of ``make=SET/METHOD``, either empty for all, or of lists."""
    name, _, method = request.POST.get("make", "").partition("/")
    sets = request.POST.getlist("sets") or [name] * bool(name)
    wanted = request.POST.getlist("methods") or [method] * bool(method)
    shown = matrix.matrix(verbs.everything(anew=False))
    asked = matrix.make(shown, sets, wanted, by=by(request))
    if not asked:
        messages.info(request, "Nothing of that is missing, or it is being made already.")
    after = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(after, allowed_hosts=None)
    return redirect(after if safe and after.startswith("/catalogue/") else "catalogue")


@require_safe
@login_required
def set_page(request: HttpRequest, name: str) -> HttpResponse:
    """A set: its images, what is made of it, the figures."""
    try:
        context = catalogue_pages.of_set(name)
    except ValueError as error:
        raise Http404(str(error)) from error
    return render(
        request, "study/desk/catalogue_set.html", context | {"may": request.user.has_perm(RIGHT)}
    )


@require_safe
@login_required
def method_page(request: HttpRequest, name: str) -> HttpResponse:
    """A method: where it is from, what is made by it, the figures, examples."""
    try:
        context = catalogue_pages.of_method(name)
    except ValueError as error:
        raise Http404(str(error)) from error
    return render(
        request, "study/desk/catalogue_method.html", context | {"may": request.user.has_perm(RIGHT)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required(RIGHT, raise_exception=True)
def remove_set(request: HttpRequest, name: str) -> HttpResponse:
    """Take a set of somebody's own out, once that was confirmed."""
    return _remove(
        request, name, _is_own_set(name), verbs.remove_set, "set_page", catalogue_pages.of_set
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required(RIGHT, raise_exception=True)
def remove_method(request: HttpRequest, name: str) -> HttpResponse:
    """Take a method of somebody's own out, once that was confirmed."""
    return _remove(
        request,
        name,
        _is_own_method(name),
        verbs.remove_method,
        "method_page",
        catalogue_pages.of_method,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required(RIGHT, raise_exception=True)
def edit_set(request: HttpRequest, name: str) -> HttpResponse:
    """Tell otherwise of a set of somebody's own: a title or a licence that was wrong."""
    return _edit(request, name, _is_own_set(name), TellSet, verbs.tell_set, "set_page")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required(RIGHT, raise_exception=True)
def edit_method(request: HttpRequest, name: str) -> HttpResponse:
    """Tell otherwise of a method of somebody's own."""
    return _edit(request, name, _is_own_method(name), TellMethod, verbs.tell_method, "method_page")


@require_safe
@login_required
def image(request: HttpRequest, name: str, image: str) -> HttpResponse:
    """An image of a set, as it is."""
    return _picture(request, lambda: pictures.of_set(name), image, "image/png", pictures.content)


@require_safe
@login_required
def small_image(request: HttpRequest, name: str, image: str) -> HttpResponse:
    """The same, small."""
    return _picture(request, lambda: pictures.of_set(name), image, "image/webp", pictures.small)


@require_safe
@login_required
def output(request: HttpRequest, name: str, of: str, image: str) -> HttpResponse:
    """An output of a method, as it is."""
    found = lambda: pictures.of_outputs(name, of)  # noqa: E731
    return _picture(request, found, image, "image/png", pictures.content)


@require_safe
@login_required
def small_output(request: HttpRequest, name: str, of: str, image: str) -> HttpResponse:
    """The same, small."""
    found = lambda: pictures.of_outputs(name, of)  # noqa: E731
    return _picture(request, found, image, "image/webp", pictures.small)


def _picture(
    request: HttpRequest,
    find: Callable[[], list[pictures.Picture]],
    name: str,
    kind: str,
    read: Callable[[pictures.Picture], bytes],
) -> HttpResponse:
    try:
        found = next((each for each in find() if each.name == name), None)
        if found is None:
            raise Http404
        body = read(found)
    except ValueError as error:
        raise Http404(str(error)) from error
    kept = FOR_GOOD if request.GET.get("v") == found.key else KEEP_NOTHING
    return HttpResponse(body, content_type=kind, headers={"Cache-Control": kept})


def _is_own_set(name: str) -> bool:
    return name in datasets.names(Path(settings.BENCHMARKS_DIR)) and name not in datasets.SHIPPED


def _is_own_method(name: str) -> bool:
    return name in {each.name for each in methods.own_methods(Path(settings.METHODS_DIR))}


def _edit(
    request: HttpRequest,
    name: str,
    own: bool,
    kind: type[TellSet] | type[TellMethod],
    verb: Callable[..., None],
    page: str,
) -> HttpResponse:
    if not own:
        raise Http404(f"There is nothing of one's own called {name!r}.")
    told = catalogue_pages.told(name, of_set=page == "set_page")
    form = kind(request.POST if request.method == "POST" else None, told=told)
    if form.is_valid():
        try:
            verb(name, **form.cleaned_data, by=by(request))
        except ValueError as error:
            form.add_error(None, f"{str(error)[:1].upper()}{str(error)[1:]}.")
        else:
            messages.success(request, f"What is told of {name} is stored.")
            return redirect(page, name)
    context = {"form": form, "name": name, "page": page, "title": told["title"]}
    status = 400 if form.is_bound else 200
    return render(request, "study/desk/catalogue_edit.html", context, status=status)


def _remove(
    request: HttpRequest,
    name: str,
    own: bool,
    verb: Callable[..., str],
    page: str,
    told: Callable[[str], dict[str, Any]],
) -> HttpResponse:
    if not own:
        raise Http404(f"There is nothing of one's own called {name!r}.")
    if request.method != "POST":
        return render(request, "study/desk/catalogue_remove.html", told(name) | {"page": page})
    who: By = by(request)
    try:
        said = verb(name, by=who)
    except ValueError as error:
        messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
        return redirect(page, name)
    messages.success(request, f"{said[:1].upper()}{said[1:]}.")
    return redirect("catalogue")
