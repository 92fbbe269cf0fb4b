"""The first study of a new site: what `make run` does between installing and serving.

Whatever is there already is left alone: the second time finds the same study and the same link.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User

from benchmarks import datasets, fetch
from study.desk import stimuli, studies
from study.models import Invitation, Study

SLUG = "first"
RESEARCHER = "researcher"


@dataclass(frozen=True)
class First:
    """A study to look at, a link into it if it takes raters, and who may sign in.

    ``password`` is known only when the account has just been made.
    """

    study: Study
    invitation: Invitation | None
    account: str
    password: str | None


def prepare(*, say: Callable[[str], object], progress: bool) -> First:
    """Images, outputs, a study and an account, each made only where there is none.

    Raises ``ValueError`` or ``OSError`` with a sentence about what cannot be made or used.
    """
    if not Study.objects.exists():
        _create(_image_set(say), say, progress=progress)
    account, password = _account()
    study = Study.objects.order_by("created_at", "pk")[0]
    invitation = study.invitations.filter(revoked_at=None, rater__finished_at=None).first()
    if invitation is None and study.state == Study.State.OPEN:
        (invitation,) = studies.invite(study, 1)
    return First(study, invitation, account, password)


def _image_set(say: Callable[[str], object]) -> str:
    """Set5 if it is there or can be had, else photographs that scikit-image brings along."""
    folder = settings.BENCHMARKS_DIR
    if "Set5" in datasets.available(folder):
        return "Set5"
    try:
        say("Set5 is not here yet; trying the public addresses of its copies")
        fetch.fetch(["Set5"], source=None, destination=folder, progress=True)
    except (ValueError, OSError) as error:
        say(
            f"{error}\nGoing on with Samples, a few photographs that scikit-image ships. For "
            "the benchmark sets: manage.py fetch_benchmarks --source DIR-or-URL"
        )
        fetch.fetch(["Samples"], source=None, destination=folder, progress=True)
        return "Samples"
    return "Set5"


def _create(image_set: str, say: Callable[[str], object], *, progress: bool) -> None:
    """Generate the outputs of one set and open the first study on it."""
    methods = studies.PRESETS["quick"].methods
    report = stimuli.make_outputs([image_set], methods, progress=progress)
    say(report.sentence)
    if report.failed:
        raise ValueError("; ".join(report.failed))
    studies.create(SLUG, title="Which image looks better?", sets=[image_set], opened=True)


def _account() -> tuple[str, str | None]:
    """The name of somebody who sees everything, with the password if it was made just now."""
    admin = User.objects.filter(is_superuser=True).order_by("pk").first()
    if admin is not None:
        return admin.get_username(), None
    password = secrets.token_urlsafe(9)
    User.objects.create_superuser(RESEARCHER, password=password)
    return RESEARCHER, password
