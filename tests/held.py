"""An application of the least kind, for tests of the server itself.

It says in JSON what it was told of a request. At an address that ends in ``/held`` it adds a letter
to the file HELD and answers once nobody has locked that. The environment may lower the server's
limits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from fcntl import LOCK_SH, flock
from pathlib import Path
from typing import Any

from study import server

for name in ("ANSWER", "ARRIVAL", "IDLE", "CONNECTIONS", "KEPT_FREE", "LINGERS", "SLOWEST"):
    if name in os.environ:
        setattr(server, name, type(getattr(server, name))(os.environ[name]))


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Tell who asked for what."""
    body = len(environ["wsgi.input"].read())
    if environ["PATH_INFO"].endswith("/held"):
        with Path(os.environ["HELD"]).open("a") as file:
            file.write("x")
            file.flush()
            flock(file, LOCK_SH)
    told = {
        "address": environ["REMOTE_ADDR"],
        "scheme": environ["wsgi.url_scheme"],
        "forwarded": environ.get("HTTP_X_FORWARDED_PROTO"),
        "body": body,
        "worker": os.getpid(),
    }
    answer = json.dumps(told).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [answer]
