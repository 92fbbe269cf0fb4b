"""Where sign-ins live: Django's table of sessions, read by a query that is not made anew."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.sessions.backends import db
from django.middleware.csrf import CSRF_SESSION_KEY

from study.models import steps

NOBODY = re.compile(r"csrf-([A-Za-z0-9]{32})")
"""The key of somebody who only opened a form: no key of Django's has a hyphen in it."""


class SessionStore(db.SessionStore):
    """Django's own; every vote begins by loading one.

    A visitor who is nobody yet and was shown a form has a session with nothing in it but the secret
    that the form's token is made of. The cookie carries that secret itself then, and there is no
    row: anybody can open such a page as often as they like.
    """

    def load(self) -> dict[str, Any]:
        """What the session holds; nothing, and no key either, if there is none or it is too old."""
        key = self.session_key or ""
        if nobody := NOBODY.fullmatch(key):
            return {CSRF_SESSION_KEY: nobody[1]}
        data = steps.session_data(key)
        if data is None:
            self._session_key = None
            return {}
        return self.decode(data)

    def save(self, must_create: bool = False) -> None:
        """Store the session; in its key alone, as long as that holds all there is."""
        if self.session_key is None or NOBODY.fullmatch(self.session_key):
            data = dict(self.items())
            nobody = f"csrf-{data[CSRF_SESSION_KEY]}" if data.keys() == {CSRF_SESSION_KEY} else ""
            self._session_key = nobody if NOBODY.fullmatch(nobody) else None
            if self._session_key is not None:
                return
        super().save(must_create)
