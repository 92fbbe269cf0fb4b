"""A new study: of a preset, of nothing, or as a copy of another."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from study.desk import studies
from study.desk.beginning import NewStudyForm
from study.models import Right
from study.site.access import by, study_for


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new_study(request: HttpRequest) -> HttpResponse:
    """What a new study is called and what it starts from; then its draft.

    ``?copy=SLUG`` and ``?start=PRESET`` choose for somebody who came by such a link.
    """
    form = NewStudyForm(
        request.POST or None,
        user=request.user,
        initial={"start": request.GET.get("start"), "copied": request.GET.get("copy")},
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = studies.draft(**form.chosen, by=by(request))
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{made.title} is a draft: nobody can rate yet.")
            return redirect("edit", made.slug, "shown")
    form.point()
    context = {"form": form, "presets": form.presets}
    return render(request, "study/desk/new_study.html", context, status=400 if form.errors else 200)


@require_safe
@login_required
def copy(request: HttpRequest, slug: str) -> HttpResponse:
    """The way to a copy of a study."""
    source = study_for(request, slug, Right.COPY)
    return redirect(f"{reverse('new_study')}?copy={source.slug}")
