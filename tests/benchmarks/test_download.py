"""A download survives broken lines and odd servers, and a file under its name is whole."""

from __future__ import annotations

import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import datasets
from benchmarks import download as downloading
from benchmarks.download import download
from benchmarks.fetch import fetch

CONTENT = bytes(range(256)) * 4000


class Server(ThreadingHTTPServer):
    """Serves ``content``; what it can and how it fails is set by each test."""

    content = CONTENT
    version = '"one"'
    knows_ranges = True
    breaks_off_after: int | None = None
    status: int | None = None
    length: str | None = None
    """What is said instead of the content's length; nothing, if empty."""
    leads_to = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    def handle_error(self, *args) -> None:
        """Nothing is wrong with a client that has heard enough."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/set.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        if server.leads_to and self.path != "/moved":
            self.send_response(302)
            self.send_header("Location", server.leads_to)
            self.end_headers()
            return
        if server.status:
            self.send_error(server.status)
            return
        start = 0
        fresh = self.headers.get("If-Range") == server.version
        if wanted and server.knows_ranges and fresh:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            total = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("ETag", server.version)
        length = str(len(body)) if server.length is None else server.length
        if length:
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body[: server.breaks_off_after])

    def log_message(self, *args) -> None:
        """Keep the tests' output quiet."""


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def break_off(server, tmp_path):
    """A download that broke off after 300 000 bytes."""
    server.breaks_off_after = 300_000
    path = tmp_path / "set.zip"
    with pytest.raises(ValueError, match=r"broke off after 300000 of 1024000 bytes; try again"):
        download(server.address, path, progress=False)
    assert not path.exists()
    server.breaks_off_after = None
    return path


def test_a_broken_download_goes_on_where_it_stopped(server, break_off):
    download(server.address, break_off, progress=False)
    assert break_off.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-"]
    assert list(break_off.parent.iterdir()) == [break_off]


def test_a_server_that_knows_no_ranges_starts_over(server, break_off):
    server.knows_ranges = False
    download(server.address, break_off, progress=False)
    assert break_off.read_bytes() == CONTENT


def test_two_versions_of_a_file_are_never_mixed(server, break_off):
    server.content, server.version = CONTENT[::-1], '"two"'
    download(server.address, break_off, progress=False)
    assert break_off.read_bytes() == CONTENT[::-1]


def test_a_second_break_keeps_what_both_runs_brought(server, break_off):
    server.breaks_off_after = 200_000
    with pytest.raises(ValueError, match="broke off after 500000 of 1024000"):
        download(server.address, break_off, progress=False)
    server.breaks_off_after = None
    download(server.address, break_off, progress=False)
    assert break_off.read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=500000-"


def test_a_part_longer_than_the_file_is_thrown_away(server, break_off):
    server.status = 416
    part = break_off.with_name("set.zip.part")
    # The server refuses what lies behind the end, and then the whole file as well.
    with pytest.raises(ValueError, match="answers 416"):
        download(server.address, break_off, progress=False)
    assert not part.exists()
    assert server.asked == [None, "bytes=300000-", None]


def test_a_refusal_is_one_clear_line(server, tmp_path):
    server.status = 404
    with pytest.raises(ValueError, match=r"set\.zip answers 404 Not Found"):
        download(server.address, tmp_path / "set.zip", progress=False)


@pytest.mark.parametrize(
    "elsewhere", ["ftp://127.0.0.1:1/set.zip", "file:///etc/passwd", "FTP://x/"]
)
def test_a_redirect_leaves_the_web_for_nothing(server, tmp_path, elsewhere):
    server.leads_to = elsewhere
    with pytest.raises(ValueError, match=r"set\.zip (redirects to|answers 302)") as error:
        download(server.address, tmp_path / "set.zip", progress=False)
    assert elsewhere.lower() in str(error.value).lower()
    assert not list(tmp_path.iterdir())


def test_a_redirect_within_the_web_is_followed(server, tmp_path):
    server.leads_to = "/moved"
    download(server.address, tmp_path / "set.zip", progress=False)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT


@pytest.mark.parametrize("length", [str((4 << 30) + 1), "9" * 5000])
def test_what_is_announced_as_too_long_is_not_begun(server, tmp_path, length):
    server.length = length
    with pytest.raises(ValueError, match=r"set\.zip is longer than 4096 MiB, the most that is"):
        download(server.address, tmp_path / "set.zip", progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("length", ["", "many"])
def test_what_goes_on_without_an_announced_end_is_left_and_not_kept(
    server, tmp_path, monkeypatch, length
):
    server.length = length
    monkeypatch.setattr(downloading, "MOST", len(CONTENT) - 1)
    with pytest.raises(ValueError, match=r"set\.zip is longer than 0 MiB"):
        download(server.address, tmp_path / "set.zip", progress=False)
    assert not list(tmp_path.glob("*.zip*"))
    monkeypatch.setattr(downloading, "MOST", len(CONTENT))
    download(server.address, tmp_path / "set.zip", progress=False)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT


def test_a_version_that_no_request_can_name_is_not_asked_for(server, tmp_path):
    server.version = '"one\x80\x01"'
    server.breaks_off_after = 300_000
    with pytest.raises(ValueError, match="try again"):
        download(server.address, tmp_path / "set.zip", progress=False)
    server.breaks_off_after = None
    download(server.address, tmp_path / "set.zip", progress=False)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT


def test_every_listed_address_is_encrypted():
    for name in datasets.SHIPPED:
        for source in datasets.manifest(name).sources:
            assert source.address.startswith("https://")


def test_a_server_that_is_not_there_is_one_clear_line(server, tmp_path):
    server.server_close()
    server.shutdown()
    with pytest.raises(ValueError, match="cannot be reached"):
        download(server.address, tmp_path / "set.zip", progress=False)


@pytest.fixture
def packed_set5(server, benchmarks_dir, tmp_path):
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as packed:
        for path in (benchmarks_dir / "Set5").iterdir():
            packed.write(path, f"SR/Set5/{path.name}")
    server.content = (tmp_path / "pack.zip").read_bytes()


def test_a_set_is_fetched_from_an_address_and_nothing_is_left_over(server, packed_set5, tmp_path):
    out = tmp_path / "out"
    server.breaks_off_after = 300_000
    with pytest.raises(ValueError, match="try again to continue"):
        fetch(["Set5"], source=server.address, destination=out, progress=False)
    server.breaks_off_after = None
    fetch(["Set5"], source=server.address, destination=out, progress=False)
    assert server.asked == [None, "bytes=300000-"]
    assert datasets.available(out) == ["Set5"]
    assert not list((out / ".downloads").iterdir())
    fetch(["Set5"], source=server.address, destination=out, progress=False)
    assert len(server.asked) == 2


def test_a_damaged_archive_is_fetched_anew_the_next_time(server, packed_set5, tmp_path):
    whole, server.content = server.content, server.content[:1000]
    with pytest.raises(ValueError, match="is not a whole zip or tar archive"):
        fetch(["Set5"], source=server.address, destination=tmp_path / "out", progress=False)
    server.content = whole
    fetch(["Set5"], source=server.address, destination=tmp_path / "out", progress=False)
    assert datasets.available(tmp_path / "out") == ["Set5"]


@pytest.fixture
def listed(server, tmp_path, monkeypatch):
    """Manifests that list an address nobody answers at, and then the test's server."""
    addresses = ["http://127.0.0.1:1/set.zip", server.address]
    for path in datasets.MANIFESTS.glob("*.json"):
        stored = json.loads(path.read_text())
        stored["sources"] = [{"address": each, "tried": False} for each in addresses]
        (tmp_path / path.name).write_text(json.dumps(stored))
    monkeypatch.setattr(datasets, "MANIFESTS", tmp_path)
    return addresses


def test_listed_addresses_are_tried_in_turn_and_each_failure_is_told(
    server, packed_set5, listed, tmp_path
):
    said: list[str] = []
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=r"^Set14 lacks 14 of 14 .*--source FOLDER$"):
        fetch(["Set5", "Set14"], source=None, destination=out, progress=False, say=said.append)
    assert datasets.available(out) == ["Set5"]
    assert len(server.asked) == 1
    gone, here = listed
    assert said[0] == f"trying {gone} (untried so far)"
    assert said[1].startswith(f"{gone} cannot be reached")
    assert said[2:] == [f"trying {here} (untried so far)"]
