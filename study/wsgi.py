"""The entry point of a WSGI server such as gunicorn."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "study.settings")
try:
    site = get_wsgi_application()
    # Every page and what it needs, once before the workers are made: a worker that imports them at
    # its first request is of no use to anybody for seconds, and pays for them in memory.
    import_module(settings.ROOT_URLCONF)
    # What is loaded by now stays: workers need not look through all of it for what can be freed.
    gc.freeze()
except ImproperlyConfigured as error:
    # A server that starts workers again and again would show the same traceback for each.
    sys.exit(f"Error in the settings: {error}")


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The site, which answers HEAD with the headers alone: Django leaves that to its server."""
    answer = site(environ, start_response)
    if environ["REQUEST_METHOD"] != "HEAD":
        return answer
    answer.close()
    return []
