"""gunicorn's settings: `gunicorn study.wsgi` in this folder reads them by itself."""

import signal
import subprocess
import sys

from django.core.exceptions import ImproperlyConfigured

try:
    from study.settings import BEHIND_PROXY
except ImproperlyConfigured as error:
    sys.exit(f"Error in the settings: {error}")

bind = "127.0.0.1:8000"
workers = 3
worker_class = "study.server.Worker"
# The application is loaded once, before the workers are made of it.
preload_app = True
# Seconds without a sign of life after which a worker is killed, and for which one that is told to
# stop may go on with what it has begun.
timeout = 30
graceful_timeout = 20
loglevel = "warning"
# Whose X-Forwarded-For and X-Forwarded-Proto are believed.
forwarded_allow_ips = "*" if BEHIND_PROXY else ""
# Nobody steers a running server by a socket in somebody's home folder.
control_socket_disable = True

FIRST, EVERY = 60, 24 * 3600
"""Seconds from the start to the chores, which keep no first page waiting, and from then on."""


def when_ready(server):
    """Do the chores of a day with every alarm, of which the workers hear nothing."""
    if server.app.app_uri.startswith("study.wsgi"):
        signal.signal(signal.SIGALRM, do_chores)
        signal.setitimer(signal.ITIMER_REAL, FIRST, EVERY)


def do_chores(*_):
    """Start them in a process of their own, which stands back behind all others."""
    chores = [sys.executable, "manage.py", "chores", "--verbosity", "0"]
    # gunicorn hears of its end as of a worker's.
    subprocess.Popen(["nice", "-n", "19", *chores], stdin=subprocess.DEVNULL)
