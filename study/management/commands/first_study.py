"""``manage.py first_study``: what `make run` does between installing and serving.

Whatever is there already is left alone: the second run only prints the links again.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.urls import reverse

from benchmarks import datasets, fetch
from study.desk import studies
from study.management.plain import PlainCommand
from study.models import Study

SLUG = "first"
RESEARCHER = "researcher"


class Command(PlainCommand):
    help = "Bring in images, make the outputs, open a first study and print who goes where."

    def handle(self, *args: Any, **options: Any) -> None:
        if not Study.objects.exists():
            self.create(self.image_set(), verbosity=options["verbosity"])
        sign_in = self.sign_in()
        study = Study.objects.order_by("created_at", "pk")[0]
        invitation = study.invitations.filter(revoked_at=None, rater__finished_at=None).first()
        if invitation is None and study.state == Study.State.OPEN:
            invitation = studies.invite(study, 1)[0]
        site = settings.SITE_URL
        lines = [f"Rate images   {site}{invitation.get_absolute_url()}"] if invitation else []
        lines += [f"See results   {site}{reverse('study', args=[study.slug])}", sign_in]
        lines += [f"More raters   .venv/bin/python manage.py invite {study.slug} 10"]
        self.stdout.write("\n" + "\n".join(f"  {line}" for line in lines) + "\n")

    def image_set(self) -> str:
        """Set5 if it is there or can be had, else photographs that scikit-image brings along."""
        folder = settings.BENCHMARKS_DIR
        if "Set5" in datasets.available(folder):
            return "Set5"
        try:
            self.stdout.write("Set5 is not here yet; trying the public addresses of its copies")
            fetch.fetch(["Set5"], source=None, destination=folder, progress=True)
        except (ValueError, OSError) as error:
            self.stdout.write(
                f"{error}\nGoing on with Samples, a few photographs that scikit-image ships. For "
                "the benchmark sets: manage.py fetch_benchmarks --source DIR-or-URL"
            )
            fetch.fetch(["Samples"], source=None, destination=folder, progress=True)
            return "Samples"
        return "Set5"

    def create(self, image_set: str, *, verbosity: int) -> None:
        """Generate the outputs of one set and open the first study on it."""
        methods = list(studies.PRESETS["quick"].methods)
        call_command("generate", sets=[image_set], methods=methods, verbosity=verbosity)
        study = studies.create(SLUG, title="Which image looks better?", sets=[image_set])
        studies.open_(study)

    def sign_in(self) -> str:
        """How to sign in; the first time an account is made and its password shown."""
        users = get_user_model().objects
        admin = users.filter(is_superuser=True).order_by("pk").first()
        if admin is not None:
            return (
                f"Sign in       as {admin.get_username()} "
                f"(forgotten: manage.py changepassword {admin.get_username()})"
            )
        password = secrets.token_urlsafe(9)
        users.create_superuser(RESEARCHER, password=password)
        return f"Sign in       {RESEARCHER} / {password}   (shown this once)"
