#!/usr/bin/env python
"""Django's command line for this project; what is wrong with a setting is said in one line."""

import os
import sys


def main() -> int | str:
    """Run the command of ``sys.argv``. Returns the exit status, or a sentence for status 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "study.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line

        try:
            execute_from_command_line(sys.argv)
        except ImproperlyConfigured as error:
            return f"Error in the settings: {error}"
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
