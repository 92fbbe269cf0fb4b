"""A draft: its settings, a page for each part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.timesince import timesince
from django.views.decorators.http import require_http_methods, require_safe

from study.desk import drafts, people, shown
from study.desk.forms import PlanForm
from study.desk.sample_size import of_study, sets_of
from study.desk.sections import SECTIONS
from study.desk.told import Section, SectionForm, in_words, label, parts
from study.models import Right, Study
from study.site.access import by, study_for

MOST_TOLD = 120
"""Characters of a setting that somebody else has changed."""
AROUND = 30
"""Characters of a long text before what was changed in it."""


@require_safe
@login_required
def draft(request: HttpRequest, slug: str) -> HttpResponse:
    """The way to the first part of a draft."""
    return redirect("edit", study_for(request, slug, Right.CHANGE).slug, next(iter(SECTIONS)))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit(request: HttpRequest, slug: str, section: str) -> HttpResponse:
    """One part of a draft, to be looked at and changed.

    ``?check`` says what is wrong with what is typed, ``?look`` shows the whole page with it again:
    both store nothing.
    """
    study, part = study_for(request, slug, Right.CHANGE), SECTIONS.get(section)
    if part is None:
        raise Http404(f"A study has no part {section!r}.")
    if study.frozen:
        messages.error(request, "The study was opened: what raters see does not change any more.")
        return redirect("study", slug)
    form, status = _form(request, part, study), 200
    if request.method == "POST" and "check" in request.GET:
        told = {"study": study, "part": part, "form": form}
        return render(request, "study/desk/checked.html", told)
    if request.method == "POST" and "look" not in request.GET:
        others = _save(request, study, form) if form.is_valid() else ()
        if others is None:
            return _onwards(request, study, part)
        form.point()
        form, status = (_again(request, study, part, form, others), 409) if others else (form, 400)
    context = {"study": study, "part": part, "sections": SECTIONS.values(), "form": form}
    context["overtaken"] = status == 409
    context["following"] = _following(part)
    if part.name == "analysis":
        context["plan"] = _plan(request, study)
    return render(request, part.template, context, status=status)


def _following(part: Section) -> Section | None:
    """The part after this one; none after the last."""
    names = [*SECTIONS]
    later = names[names.index(part.name) + 1 :]
    return SECTIONS[later[0]] if later else None


def _onwards(request: HttpRequest, study: Study, part: Section) -> HttpResponse:
    """After saving: the same part again, or the next, or after the last one the checklist."""
    if "go_on" not in request.POST:
        return redirect("edit", study.slug, part.name)
    following = _following(part)
    if following is None:
        return redirect("open_study", study.slug)
    return redirect("edit", study.slug, following.name)


def _form(request: HttpRequest, part: Section, study: Study, *, fresh: bool = False) -> SectionForm:
    """The form of a part, with what was sent if anything was, unless it is to be ``fresh``.

    It has a study of its own to try things on.
    """
    sent = request.method == "POST" and not fresh
    return part.form(
        request.POST if sent else None,
        instance=copy(study),
        shows=shown.keys(study),
        user=request.user if request.user.is_authenticated else None,
    )


def _save(request: HttpRequest, study: Study, form: SectionForm) -> Sequence[drafts.Other] | None:
    """Store what was typed; ``None`` if that was done, else what somebody else has changed."""
    typed = {name: form.cleaned_data[name] for name in form.settings}
    try:
        changed = drafts.change(study, typed, seen=form.cleaned_data["seen"], by=by(request))
    except drafts.Overtaken as overtaken:
        return overtaken.others
    except ValueError as error:
        messages.error(request, str(error))
        return None
    if changed or "go_on" not in request.POST:
        saved = changed or form.changed_from(form.cleaned_data["seen"])
        messages.success(request, "Saved." if saved else "Nothing was changed.")
    if "wanted" in form.settings:
        _lay(request, study)
    return None


def _lay(request: HttpRequest, study: Study) -> None:
    """Take in what is made, and ask for what is not if that button was pressed."""
    for problem in shown.lay(study, by=by(request)):
        messages.error(request, problem)
    if "make" in request.POST:
        if not people.may_add_to_catalogue(request.user):  # type: ignore[arg-type]
            raise PermissionDenied
        asked = shown.have_made(study, by=by(request))
        messages.info(
            request,
            "What is missing is asked for; below is how far it is."
            if asked
            else "All outputs are there already.",
        )


def _plan(request: HttpRequest, study: Study) -> dict[str, object]:
    """The form that asks for a number of raters, and what came of it if it was sent."""
    form = PlanForm(request.GET if "difference" in request.GET else None, sets=sets_of(study))
    if not form.is_bound or not form.is_valid():
        return {"form": form}
    asked = form.cleaned_data
    try:
        found = of_study(
            study, difference=asked["difference"], wanted=asked["power"] / 100,
            set_name=asked["set"],
        )  # fmt: skip
    except ValueError as error:
        return {"form": form, "problem": str(error)}
    return {"form": form, "found": found}


def _again(
    request: HttpRequest,
    study: Study,
    part: Section,
    form: SectionForm,
    others: Sequence[drafts.Other],
) -> SectionForm:
    """The form once more: what this person changed as typed, all else as it is now."""
    seen = form.cleaned_data["seen"]
    typed = form.changed_from(seen)
    for other in others:
        mine = typed.get(other.field, other.was)
        if other.field in typed and other.was is not None:  # else one whole for another
            typed[other.field] = drafts.merged(other.was, mine, other.now)
        for said in _told(other, mine, typed.get(other.field, other.now)):
            messages.error(request, said)
    messages.error(request, "Nothing of yours is saved yet: look at it, and save again.")
    study.refresh_from_db()
    fresh = _form(request, part, study, fresh=True)
    fresh.again(typed)
    return fresh


def _told(other: drafts.Other, mine: object, both: object) -> Iterator[str]:
    """What somebody else has changed, part by part, and what the page holds of it now."""
    when = f" {_ago(other.at)}" if other.at else " meanwhile"
    values = (other.was, other.now, mine, both)
    whole = other.was is None or other.now is None
    was, now, my, left = (
        {label(other.field): in_words(other.field, value)} if whole else parts(other.field, value)
        for value in values
    )
    for part in dict.fromkeys([*was, *now]):
        one, two = was.get(part, "none"), now.get(part, "none")
        if one == two:
            continue
        before, after = _excerpts(one, two)
        said = (
            f"{other.account or 'Somebody else'} changed “{part}”{when}, from {before} to {after}."
        )
        if left.get(part, "none") == two:
            yield f"{said} The field shows that now."
        elif left.get(part) == my.get(part):
            yield f"{said} Yours, {_excerpts(one, my.get(part, 'none'))[1]}, is still in the field."
        else:
            yield f"{said} The field shows both changes now: {_excerpts(one, left[part])[1]}."


def _ago(at: datetime) -> str:
    return "just now" if timezone.now() - at < timedelta(minutes=1) else f"{timesince(at)} ago"


def _excerpts(one: str, two: str) -> tuple[str, str]:
    """Two texts; of long ones what is around their first difference."""
    differs = next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
    start = max(0, (min(len(one), len(two)) if differs is None else differs) - AROUND)
    if max(len(one), len(two)) <= MOST_TOLD:
        start = 0
    lead = "…" * bool(start)
    short = (Truncator(each[start:]).chars(MOST_TOLD) for each in (one, two))
    before, after = (f"{lead}{each}" for each in short)
    return before, after
