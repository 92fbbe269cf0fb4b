"""``manage.py first_study``: what `make run` does between installing and serving."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from study.desk import first, studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Bring in images, make the outputs, open a first study and print who goes where."

    def handle(self, *args: Any, **options: Any) -> None:
        found = first.prepare(say=self.stdout.write, progress=options["verbosity"] > 0)
        study, account = found.study, found.account
        lines = [f"Rate images   {studies.link(found.invitation)}"] if found.invitation else []
        lines += [f"See results   {settings.SITE_URL}{study.get_absolute_url()}"]
        lines += [
            f"Sign in       {account} / {found.password}   (shown this once)"
            if found.password
            else f"Sign in       as {account} (forgotten: manage.py changepassword {account})"
        ]
        lines += [f"More raters   .venv/bin/python manage.py invite {study.slug} 10"]
        self.stdout.write("\n" + "\n".join(f"  {line}" for line in lines) + "\n")
