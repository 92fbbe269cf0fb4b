"""The base of this project's commands: what is wrong is said in one line, never as a traceback."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class PlainCommand(BaseCommand):
    """A command whose ``ValueError`` and ``OSError`` end it with their sentence and status 1."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
