"""A draft: its settings, a page for each part."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from study.desk import drafts
from study.desk.sections import SECTIONS, TOLD, Section, SectionForm
from study.models import Study
from study.site.access import by, study_for


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit(request: HttpRequest, slug: str, section: str) -> HttpResponse:
    """One part of a draft, to be looked at and changed."""
    study, part = study_for(request, slug), SECTIONS.get(section)
    if part is None:
        raise Http404(f"A study has no part {section!r}.")
    if study.frozen:
        messages.error(request, "The study was opened: what raters see does not change any more.")
        return redirect("study", slug)
    form = part.form(request.POST or None, instance=study, images=study.images_each())
    if request.method == "POST" and form.is_valid():
        others = _save(request, study, form)
        if others is None:
            return redirect("edit", slug, section)
        form = _again(request, study, part, others)
    status = 400 if request.method == "POST" else 200
    return render(request, part.template, _context(study, part, form), status=status)


def _save(request: HttpRequest, study: Study, form: SectionForm) -> list[drafts.Other] | None:
    """Store what was typed; ``None`` if that was done, else what somebody else has changed."""
    typed = {name: form.cleaned_data[name] for name in form.settings}
    try:
        changed = drafts.change(study, typed, seen=form.cleaned_data["seen"] or {}, by=by(request))
    except drafts.Overtaken as overtaken:
        return overtaken.others
    except ValueError as error:
        messages.error(request, str(error))
        return None
    messages.success(request, "Saved." if changed else "Nothing was changed.")
    return None


def _again(
    request: HttpRequest, study: Study, part: Section, others: list[drafts.Other]
) -> SectionForm:
    """The form once more: what this person changed as typed, what others did as it is now."""
    for other in others:
        label = TOLD[other.field].label if other.field in TOLD else other.field
        who = other.account or "Somebody else"
        messages.error(
            request,
            f"{who} changed “{label}” meanwhile, from {other.was} to {other.now}. Nothing of yours "
            "is saved yet: look at it and save again.",
        )
    study.refresh_from_db()
    fresh = part.form(instance=study, images=study.images_each())
    seen: dict[str, Any] = part.form(request.POST, instance=Study()).data  # type: ignore[assignment]
    for name in fresh.settings:
        if name in seen and name not in {other.field for other in others}:
            fresh.initial[name] = seen[name]
    return fresh


def _context(study: Study, part: Section, form: SectionForm) -> dict[str, Any]:
    return {"study": study, "part": part, "sections": SECTIONS.values(), "form": form}
