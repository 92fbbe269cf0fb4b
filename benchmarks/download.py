"""A file over HTTP that survives a broken line: what has arrived stays and is continued from."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tqdm import tqdm

CHUNK = 1 << 18
PATIENCE = 60.0
"""Seconds without a byte after which a server counts as gone, unless another patience is asked."""
MOST = 4 << 30
"""Bytes of a file: DIV2K's photographs, the largest archive of its kind, have 3.5 GB."""


class _OverHttp(HTTPRedirectHandler):
    """Follows a redirect to another place of the web, not to what other protocols reach."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> Request | None:
        """The request that comes next; raises ``ValueError`` for one that is not http(s)."""
        if not newurl.lower().startswith(("http://", "https://")):
            raise ValueError(
                f"{req.full_url} redirects to {newurl}; only http:// and https:// are followed"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    address: str, path: Path, *, progress: bool = True, patience: float = PATIENCE
) -> None:
    """Bring what lies at ``address`` (http or https) to ``path``, which exists once it is whole.

    A server that says nothing for ``patience`` seconds is gone.
    What arrives is kept in ``path.part`` between runs, and only the rest is asked for; where the
    server cannot send a rest, or its file has changed since, the download starts over. Raises
    ``ValueError`` that names the address if the server cannot be reached, refuses, breaks off,
    sends elsewhere than to http(s), or has more than ``MOST`` bytes to send.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    # What the server called this version of its file (ETag or date), to notice another one.
    tag = path.with_name(f"{path.name}.tag")
    have = part.stat().st_size if part.exists() and tag.exists() else 0
    request = Request(address)  # noqa: S310 - fetch lets only http and https through
    if have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", tag.read_text())
    try:
        with build_opener(_OverHttp).open(request, timeout=patience) as response:
            total = _total(response, have if _continues(response, have) else 0)
            if total is not None and total > MOST:
                raise ValueError(_too_long(address))
            if not _continues(response, have):
                have = 0
                part.unlink(missing_ok=True)  # before the tag says that it is of this version
            _name_version(response, tag)
            if not _receive(response, part, have, total, path.name, progress):
                part.unlink()
                tag.unlink(missing_ok=True)
                raise ValueError(_too_long(address))
    except HTTPError as error:
        if error.code == 416 and have:
            # The server's file ends before what we have: ours is of no use.
            part.unlink()
            return download(address, path, progress=progress, patience=patience)
        raise ValueError(f"{address} answers {error.code} {error.reason}") from None
    except URLError as error:
        raise ValueError(f"{address} cannot be reached: {error.reason}") from None
    except (http.client.HTTPException, OSError) as error:
        raise ValueError(f"{address} broke off ({error}); try again to continue") from None
    size = part.stat().st_size
    if total is not None and size != total:
        raise ValueError(
            f"{address} broke off after {size} of {total} bytes; try again to continue"
        )
    part.replace(path)
    tag.unlink(missing_ok=True)
    return None


def _continues(response: http.client.HTTPResponse, have: int) -> bool:
    """Whether an answer holds the bytes from ``have`` on, rather than all of them."""
    sent = response.headers.get("Content-Range", "")
    return response.status == 206 and sent.startswith(f"bytes {have}-")


def _name_version(response: http.client.HTTPResponse, tag: Path) -> None:
    """Keep the server's name for its file; without one the next run has to start over."""
    name = response.headers.get("ETag", "")
    # A weak tag promises the same meaning, not the same bytes.
    if not name or name.startswith("W/"):
        name = response.headers.get("Last-Modified", "")
    if name.isascii() and name.isprintable() and name:
        tag.write_text(name)
    else:
        tag.unlink(missing_ok=True)


def _total(response: http.client.HTTPResponse, have: int) -> int | None:
    """How long the whole file is, if the server says so."""
    length = response.headers.get("Content-Length", "")
    return have + int(length[:20]) if length.isdecimal() else None  # int() takes no endless ones


def _too_long(address: str) -> str:
    return f"{address} is longer than {MOST >> 20} MiB, the most that is downloaded"


def _receive(
    response: http.client.HTTPResponse,
    part: Path,
    have: int,
    total: int | None,
    label: str,
    progress: bool,
) -> bool:
    """Whether all of it came; if not, it goes on beyond ``MOST``."""
    bar = tqdm(
        desc=label, total=total, initial=have, unit="B", unit_scale=True, disable=not progress
    )
    with part.open("ab" if have else "wb") as handle, bar:
        while chunk := response.read(CHUNK):
            have += len(chunk)
            if have > MOST:
                return False
            handle.write(chunk)
            bar.update(len(chunk))
        handle.flush()
        os.fsync(handle.fileno())
    return True
