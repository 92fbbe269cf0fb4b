"""``manage.py mail_test ADDRESS``: whether the mail server of the settings takes a letter."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from study.management.plain import PlainCommand
from study.site import mail


class Command(PlainCommand):
    help = "Send one letter, to see whether the mail server of MAIL_URL takes it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address")

    def handle(self, *args: Any, **options: Any) -> None:
        to = options["address"]
        if not mail.is_address(to):
            raise ValueError(f"{to!r} is no mail address; use one as name@example.org")
        body = f"The site {settings.SITE_URL} can send mail, from {settings.MAIL_FROM}."
        try:
            with mail.server() as connection:
                mail.send(connection, to, "A letter to try the mail server", body)
        except mail.NotSent as error:
            raise ValueError(str(error)) from None
        self.stdout.write("the mail server took a letter; look whether it arrives")
