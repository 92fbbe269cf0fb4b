"""Where sign-ins live: Django's table of sessions, read by a query that is not made anew."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db

from study.models import steps


class SessionStore(db.SessionStore):
    """Django's own; every vote begins by loading one."""

    def load(self) -> dict[str, Any]:
        """What the session holds; nothing, and no key either, if there is none or it is too old."""
        data = steps.session_data(self.session_key or "")
        if data is None:
            self._session_key = None
            return {}
        return self.decode(data)
