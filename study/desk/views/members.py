"""Who works on a study, and in which role."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from study.desk import members as verbs
from study.models import Right, Role, Study
from study.site.access import by, study_for

TELLS = {
    Role.OWNER: (
        "do everything. Only owners change these roles, export or delete one rater’s data, "
        "and put the study away or delete it"
    ),
    Role.EDITOR: "change the draft, open and close the study, make and send links, see results",
    Role.VIEWER: "see how far it is, its images, settings and results; no rater’s link or name",
}
"""What each may do, for people; `study.models.members` has the table."""


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """Everybody with a role; owners add, change and take away."""
    changes = request.method == "POST"
    study = study_for(request, slug, Right.SHARE if changes else Right.SEE)
    if changes:
        _change(request, study)
        if not Study.objects.visible_to(request.user).filter(pk=study.pk).exists():
            return redirect("studies")
        return redirect("members", slug)
    told = [(role, TELLS[role]) for role in Role]
    context = {"study": study, "part": "members", "roles": told}
    context["members"] = study.members.select_related("user")
    return render(request, "study/desk/members.html", context)


def _change(request: HttpRequest, study: Study) -> None:
    sent, who = request.POST, by(request)
    name, role = sent.get("name", "").strip(), sent.get("role", "")
    if role not in Role.values and "remove" not in sent:
        messages.error(request, f"{role!r} is no role; there are {', '.join(Role.values)}.")
        return
    try:
        if "remove" in sent:
            verbs.remove(study, name, by=who)
        elif "add" in sent:
            verbs.add(study, name, Role(role), by=who)
        elif not verbs.change(study, name, Role(role), by=who):
            return
    except ValueError as error:
        messages.error(request, str(error))
        return
    said = "has no role in this study any more" if "remove" in sent else f"is {role} of this study"
    messages.success(request, f"{name} {said}.")
