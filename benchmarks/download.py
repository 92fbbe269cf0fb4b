"""A file over HTTP that survives a broken line: what has arrived stays and is continued from."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

CHUNK = 1 << 18
PATIENCE = 60.0
"""Seconds without a byte after which a server counts as gone."""


def download(address: str, path: Path, *, progress: bool = True) -> None:
    """Bring what lies at ``address`` (http or https) to ``path``, which exists once it is whole.

    What arrives is kept in ``path.part`` between runs, and only the rest is asked for; where the
    server cannot send a rest, or its file has changed since, the download starts over. Raises
    ``ValueError`` that names the address if the server cannot be reached, refuses, or breaks off.
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
        with urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
            if not _continues(response, have):
                have = 0
                part.unlink(missing_ok=True)  # before the tag says that it is of this version
            _name_version(response, tag)
            total = _total(response, have)
            _receive(response, part, have, total, path.name, progress)
    except HTTPError as error:
        if error.code == 416 and have:
            # The server's file ends before what we have: ours is of no use.
            part.unlink()
            return download(address, path, progress=progress)
        raise ValueError(f"{address} answers {error.code} {error.reason}") from None
    except URLError as error:
        raise ValueError(f"{address} cannot be reached: {error.reason}") from None
    except (http.client.HTTPException, OSError) as error:
        raise ValueError(f"{address} broke off ({error}); run again to continue") from None
    size = part.stat().st_size
    if total is not None and size != total:
        raise ValueError(
            f"{address} broke off after {size} of {total} bytes; run again to continue"
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
    if name:
        tag.write_text(name)
    else:
        tag.unlink(missing_ok=True)


def _total(response: http.client.HTTPResponse, have: int) -> int | None:
    """How long the whole file is, if the server says so."""
    length = response.headers.get("Content-Length")
    return have + int(length) if length is not None else None


def _receive(
    response: http.client.HTTPResponse,
    part: Path,
    have: int,
    total: int | None,
    label: str,
    progress: bool,
) -> None:
    bar = tqdm(
        desc=label, total=total, initial=have, unit="B", unit_scale=True, disable=not progress
    )
    with part.open("ab" if have else "wb") as handle, bar:
        while chunk := response.read(CHUNK):
            handle.write(chunk)
            bar.update(len(chunk))
        handle.flush()
        os.fsync(handle.fileno())
