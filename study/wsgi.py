"""The entry point of a WSGI server such as gunicorn."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "study.settings")
try:
    application = get_wsgi_application()
except ImproperlyConfigured as error:
    # A server that starts workers again and again would show the same traceback for each.
    sys.exit(f"Error in the settings: {error}")
