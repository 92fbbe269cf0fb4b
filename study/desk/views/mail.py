"""Writing to raters: to whom, what, and what became of each letter."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from study.desk import claims, letters, post
from study.desk.forms import LetterForm, WhomForm
from study.desk.letters import Text
from study.models import Job, Letter, Right, Study
from study.site import mail
from study.site.access import by, study_for

ON_A_PAGE = 50
"""Letters."""


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def write(request: HttpRequest, slug: str) -> HttpResponse:
    """A letter to some raters: looked at, and sent."""
    study = study_for(request, slug, Right.INVITE)
    whom, context = _whom(request, study), dict[str, Any]()
    form = LetterForm(request.POST) if request.method == "POST" else None
    status = 200
    if form is not None and form.is_valid() and "send" in request.POST and whom.is_valid():
        if _asked(request, study, whom, form):
            return redirect("mail", slug)
        status = 409
    elif form is not None and form.errors:
        status = 400
    if mail.configured() and study.state == Study.State.OPEN:
        context |= _writing(study, whom, form)
    context |= {"study": study, "whom": whom, "mail": mail.configured()} | _sent(request, study)
    return render(request, "study/desk/mail.html", context, status=status)


@require_POST
@login_required
def again(request: HttpRequest, slug: str) -> HttpResponse:
    """Send letters once more that failed, or of which nobody knows whether they went."""
    study = study_for(request, slug, Right.INVITE)
    chosen = request.POST.getlist("letter")
    pks = [int(each) for each in chosen if re.fullmatch(r"[0-9]{1,18}", each)]
    if "all" in request.POST:
        pks = list(post.unsent(study).of_use().values_list("pk", flat=True))
    try:
        post.ask_again(study, pks, by=by(request))
    except ValueError as error:
        messages.error(request, str(error))
    return redirect("mail", slug)


def _whom(request: HttpRequest, study: Study) -> WhomForm:
    """What the page's address asks for, over what is likely meant."""
    asked = {name: request.GET[name] for name in WhomForm.base_fields if name in request.GET}
    numbers = "invite" if asked.get("numbers") else "new"
    likely = {"whom": numbers, "days": 3, "language": letters.language_of(study)}
    return WhomForm(likely | asked)


def _writing(study: Study, whom: WhomForm, form: LetterForm | None) -> dict[str, Any]:
    """The text, to whom it goes as it is, and how it looks to the first of them."""
    if not whom.is_valid():
        return {}
    told = whom.cleaned_data
    kind = WhomForm.KINDS[told["whom"]]
    latest = Letter.objects.filter(invitation__study=study).order_by("-pk").first()
    if form is None or "text" not in getattr(form, "cleaned_data", {}):
        text, seen = letters.standard(study, kind, told["language"]), latest.pk if latest else 0
    else:
        text, seen = form.cleaned_data["text"], form.cleaned_data.get("seen", 0)
    numbers = form.cleaned_data.get("numbers", []) if form else _numbers(study, told)
    after = seen if told["again"] else None
    to, left = post.wanted(study, kind, numbers, text=text, after=after)
    form = form or LetterForm(initial=text._asdict())
    return {
        "form": form, "kind": kind, "to": to, "left": post.told(left), "seen": seen,
        "left_out": len(left), "numbers": ",".join(str(number) for number in numbers),
        "links": post.in_words(link.number for link in to),
        "example": letters.filled(text, to[0]) if to and not form.errors else None,
        "counts": _counts(study, told["days"]), "places": letters.PLACES,
    }  # fmt: skip


def _numbers(study: Study, told: dict[str, Any]) -> list[int]:
    """The links that a choice means now."""
    groups = post.group(study, WhomForm.KINDS[told["whom"]], days=told["days"])
    if told["whom"] in groups:
        return list(groups[told["whom"]].values_list("number", flat=True))
    numbers: list[int] = told["numbers"]
    return numbers


def _counts(study: Study, days: int) -> list[tuple[str, str]]:
    """The choices, with how many each means."""
    groups = {
        name: links
        for kind in letters.Kind
        for name, links in post.group(study, kind, days=days).items()
    }
    return [
        (name, f"{label} ({groups[name].count()})" if name in groups else label)
        for name, label in WhomForm.WHOM
    ]


def _asked(request: HttpRequest, study: Study, whom: WhomForm, form: LetterForm) -> bool:
    """Whether the letters are on their way; if not, it is said why."""
    told, sent = whom.cleaned_data, form.cleaned_data
    text: Text = sent["text"]
    after = sent["seen"] if told["again"] else None
    kind = WhomForm.KINDS[told["whom"]]
    try:
        job = post.ask(study, sent["numbers"], kind, text, by=by(request), again_after=after)
    except ValueError as error:
        messages.error(request, str(error))
        return False
    count = len(job.what["letters"])
    went = "One letter is" if count == 1 else f"{count} letters are"
    messages.success(request, f"{went} being sent; what became of each is told below.")
    return True


def _sent(request: HttpRequest, study: Study) -> dict[str, Any]:
    """Every letter, the latest first, and what is at work."""
    rows = Letter.objects.filter(invitation__study=study).order_by("-pk")
    page = Paginator(rows.select_related("invitation", "asked_by"), ON_A_PAGE).get_page(
        request.GET.get("page")
    )
    unsent, here = post.unsent(study), [row.pk for row in page]
    open_ones = set(unsent.filter(pk__in=here).values_list("pk", flat=True))
    again = set(unsent.of_use().filter(pk__in=here).values_list("pk", flat=True))
    due = list(study.jobs.due().filter(kind=Job.Kind.MAIL))
    return {
        "letters": [(row, row.pk in open_ones, row.pk in again) for row in page],
        "page": page, "due": due,
        "unsent": unsent.of_use().count(),
        "nobody": bool(due) and not claims.worker_is_there(),
    }  # fmt: skip
