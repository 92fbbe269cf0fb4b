"""Nobody keeps the server from raters: not by silence, slowness, size or number."""

from __future__ import annotations

import http.client
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from fcntl import LOCK_EX, LOCK_UN, flock
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.signing import TimestampSigner, b62_encode

from study.server import DESK_THREADS, LARGEST_FORM, LARGEST_HEAD
from study.settings import DATA_UPLOAD_MAX_MEMORY_SIZE as LARGEST_BODY
from study.site import admission
from tests.serving import WORKERS, Server, our_site, served

PATIENCE = 60
"""Seconds after which a test gives up on an answer that does not come."""
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def held(tmp_path) -> Iterator[TextIOWrapper]:
    """The lock that held answers wait for."""
    with (tmp_path / "held").open("w") as file:
        flock(file, LOCK_EX)
        yield file


@contextmanager
def serving(held: TextIOWrapper, **environment: str) -> Iterator[Server]:
    own = {"HELD": held.name, "SECRET_KEY": settings.SECRET_KEY}
    with served("tests.held", {**own, **environment}) as server:
        yield server


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


def sent(server: Server, data: bytes) -> socket.socket:
    connection = connected(server)
    connection.sendall(data)
    return connection


def answer(connection: socket.socket) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response


def told(connection: socket.socket) -> dict[str, Any]:
    response = answer(connection)
    assert response.status == 200
    return json.loads(response.read())


def ask(server: Server, path: str = "/rate/next", headers: Mapping[str, str] | None = None) -> Any:
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    with sent(server, request(path, lines)) as connection:
        return told(connection)


def request(path: str, lines: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode()


def ended(connection: socket.socket) -> bool:
    """Whether the server has closed it; waits until then."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


SILENT = b""
HALF_A_HEADER = b"GET /rate/next HTTP/1.1\r\nHost: 127.0"
HALF_A_BODY = b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\nusername="


@pytest.mark.parametrize("begun", [SILENT, HALF_A_HEADER, HALF_A_BODY])
def test_three_hundred_connections_that_send_no_more_keep_nobody_waiting(held, begun):
    with serving(held) as server, ExitStack() as stack:
        slow = [stack.enter_context(sent(server, begun)) for _ in range(300)]
        assert all(ask(server)["body"] == 0 for _ in range(3 * WORKERS))
        for connection in slow:  # one more byte, as those send who want to be taken for slow
            connection.sendall(b"G")
        assert all(ask(server)["body"] == 0 for _ in range(3 * WORKERS))


def test_a_request_that_does_not_arrive_in_time_is_closed_however_it_drips(held):
    with serving(held, ARRIVAL="1") as server, sent(server, HALF_A_HEADER) as connection:
        connection.settimeout(0.1)
        for _ in range(10 * PATIENCE):
            try:
                connection.sendall(b"0")
                assert connection.recv(1) == b""
                return
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                return
        pytest.fail("still open")


def test_a_silent_connection_is_closed_in_the_end(held):
    with serving(held, IDLE="1") as server, connected(server) as connection:
        assert ended(connection)


def test_more_connections_than_there_is_room_for_close_those_of_no_use(held):
    with serving(held, CONNECTIONS="20") as server, ExitStack() as stack:
        many = [stack.enter_context(connected(server)) for _ in range(10 * 20 * WORKERS)]
        assert all(ask(server)["body"] == 0 for _ in range(3 * WORKERS))
        assert ended(many[0])


def test_pages_of_the_desk_keep_no_rater_waiting(held):
    pages = 2 * DESK_THREADS * WORKERS
    with serving(held) as server, ExitStack() as stack:
        desk = [
            stack.enter_context(sent(server, request("/studies/first/held"))) for _ in range(pages)
        ]
        assert all(ask(server)["body"] == 0 for _ in range(3 * WORKERS))
        flock(held, LOCK_UN)
        for connection in desk:
            told(connection)


def posted(length: str, body: bytes = b"", path: str = "/login/") -> bytes:
    kind = "Content-Type: multipart/form-data; boundary=b"
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", kind, length, "", ""]
    return "\r\n".join(lines).encode() + body


def test_a_body_above_the_limit_is_refused_before_it_is_sent(held):
    length = "Content-Length: 1500000000"
    with serving(held) as server:
        with sent(server, posted(length)) as connection:
            refusal = answer(connection)
            assert (refusal.status, refusal.read().count(b"256 kB")) == (413, 1)
        with sent(server, posted(length, path="/rate/vote")) as connection:
            refusal = answer(connection)
            assert (refusal.status, "256 kB" in json.loads(refusal.read())["error"]) == (413, True)


CHUNK = b"10000\r\n" + 65536 * b"x" + b"\r\n"


@pytest.mark.parametrize(
    ("length", "body"),
    [
        (f"Content-Length: {100 * LARGEST_BODY}", 100 * LARGEST_BODY * b"x"),
        ("Transfer-Encoding: chunked", 100 * (LARGEST_BODY // 65536) * CHUNK),
    ],
    ids=["said", "chunked"],
)
def test_who_sends_all_of_a_body_that_is_too_long_still_reads_why_it_was_refused(
    held, length, body
):
    with serving(held) as server, sent(server, posted(length, body)) as connection:
        refusal = answer(connection)
        assert (refusal.status, refusal.read().count(b"256 kB")) == (413, 1)


def test_who_goes_on_sending_after_a_refusal_is_closed_in_the_end(held):
    whole = posted("Transfer-Encoding: chunked", 10 * CHUNK)
    with serving(held, LINGERS="1") as server, sent(server, whole) as connection:
        assert answer(connection).status == 413
        with suppress(ConnectionResetError, BrokenPipeError):
            while True:
                connection.sendall(CHUNK)


def test_a_body_of_the_largest_size_arrives_and_lies_on_no_disk(held):
    with serving(held) as server:
        length = f"Content-Length: {LARGEST_BODY}"
        with sent(server, posted(length, (LARGEST_BODY - 1) * b"x")) as connection:
            if sys.platform == "linux":
                ask(server)
                assert not [name for name in open_files(server) if "/tmp/tmp" in name]
            connection.sendall(b"x")
            assert told(connection)["body"] == LARGEST_BODY


def open_files(server: Server) -> list[str]:
    links = [link for pid in server.workers() for link in Path(f"/proc/{pid}/fd").iterdir()]
    return [str(link.readlink()) for link in links if link.is_symlink()]


def at_the_form(signature: str | None = None) -> str:
    return f"{admission.PLACE}{signature or admission.admission(7)}/set"


def test_a_form_with_files_arrives_at_its_signed_address_and_lies_on_the_disk_alone(held, tmp_path):
    length = 40 * LARGEST_BODY
    with serving(held, VAR_DIR=str(tmp_path)) as server:
        whole = posted(f"Content-Length: {length}", b"x", path=at_the_form())
        with sent(server, whole) as connection:
            connection.sendall((length - 2) * b"x")
            if sys.platform == "linux":
                ask(server)
                (name,) = {name for name in open_files(server) if "/uploads/" in name}
                assert name.startswith(str(tmp_path))
            connection.sendall(b"x")
            assert told(connection)["body"] == length
        assert [*(tmp_path / "uploads").iterdir()] == []


def old_signature() -> str:
    class Past(TimestampSigner):
        def timestamp(self) -> str:
            return b62_encode(int(time.time() - admission.LASTS.total_seconds() - 60))

    return Past(salt=admission.SALT).sign("7")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/catalogue/add/set", "256 kB"),
        (f"{admission.PLACE}7:1xWuDY:DZZHfe9rC1d1ZMPd/set", "opened too long ago"),
        (f"{admission.PLACE}{{old}}/set", "opened too long ago"),
    ],
)
def test_no_other_address_takes_files_nor_one_that_was_signed_long_ago(held, address, said):
    with serving(held) as server:
        path = address.format(old=old_signature()) if "{old}" in address else address
        with sent(server, posted(f"Content-Length: {LARGEST_BODY + 1}", path=path)) as connection:
            refusal = answer(connection)
            assert (refusal.status, said in refusal.read().decode()) == (413, True)


@pytest.mark.parametrize(
    ("length", "status", "said"),
    [(LARGEST_FORM + 1, 413, "GB at once"), (LARGEST_BODY + 1, 507, "no room")],
)
def test_a_form_that_is_too_large_or_finds_no_room_is_refused_before_it_is_sent(
    held, length, status, said
):
    with serving(held, KEPT_FREE=str(1 << 60)) as server:
        whole = posted(f"Content-Length: {length}", path=at_the_form())
        with sent(server, whole) as connection:
            refusal = answer(connection)
            assert (refusal.status, said in refusal.read().decode()) == (status, True)


@linux
def test_a_disk_that_fills_up_under_a_form_is_told(held, tmp_path):
    with serving(held, VAR_DIR=str(tmp_path)) as server:
        for pid in server.workers():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (LARGEST_BODY, resource.RLIM_INFINITY))
        whole = posted(f"Content-Length: {4 * LARGEST_BODY}", path=at_the_form())
        with sent(server, whole + (LARGEST_BODY + 1) * b"x") as connection:
            assert answer(connection).status == 507


def test_a_form_with_files_that_drips_is_closed_and_one_that_goes_on_is_not(held):
    length = 4 * LARGEST_BODY
    whole = posted(f"Content-Length: {length}", path=at_the_form())
    with serving(held, ARRIVAL="1", SLOWEST="1000") as server, ExitStack() as stack:
        slow, fast = (stack.enter_context(sent(server, whole)) for _ in range(2))
        fast.sendall((length // 2) * b"x")
        rest = length - length // 2
        slow.settimeout(0.1)
        for _ in range(10 * PATIENCE):
            fast.sendall(2000 * b"x")
            rest -= 2000
            try:
                slow.sendall(b"x")
                assert slow.recv(1) == b""
                break
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                break
        else:
            pytest.fail("still open")
        fast.sendall(rest * b"x")
        assert told(fast)["body"] == length


def test_a_head_above_the_limit_is_refused(held):
    with serving(held) as server:
        lines = "X: " + LARGEST_HEAD * "x" + "\r\n"
        with sent(server, request("/rate/next", lines)) as connection:
            assert answer(connection).status == 431


def test_a_connection_is_used_again(held):
    with serving(held) as server, connected(server) as connection:
        workers = set()
        for _ in range(3):
            connection.sendall(request("/rate/next"))
            workers.add(told(connection)["worker"])
        assert len(workers) == 1


FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.66, 192.0.2.7"}


def test_what_says_that_it_was_forwarded_is_not_believed(held):
    with serving(held) as server:
        answer = ask(server, headers=FORWARDED)
    assert (answer["scheme"], answer["forwarded"]) == ("http", None)
    assert answer["address"] == "127.0.0.1"


def test_what_a_proxy_forwards_is_believed_but_not_what_was_forwarded_to_it(held):
    with serving(held, BEHIND_PROXY="1") as server:
        answer = ask(server, headers=FORWARDED)
    assert (answer["scheme"], answer["forwarded"]) == ("https", "https")
    assert answer["address"] == "192.0.2.7"


@linux
def test_a_killed_worker_is_replaced(held):
    with serving(held) as server:
        before = {ask(server)["worker"] for _ in range(WORKERS)}
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        assert ask(server)["worker"] not in before


def test_a_page_that_never_comes_takes_its_thread_from_nobody_for_good(held):
    with serving(held, ANSWER="1") as server, ExitStack() as stack:
        lost = [stack.enter_context(sent(server, request("/rate/held"))) for _ in range(WORKERS)]
        assert all(ended(connection) for connection in lost)
        assert all(ask(server)["body"] == 0 for _ in range(3 * WORKERS))


def test_an_answer_that_was_asked_for_is_given_before_the_server_ends(held):
    with serving(held) as server, ExitStack() as stack:
        last = [stack.enter_context(sent(server, request("/rate/held"))) for _ in range(3)]
        idle = stack.enter_context(connected(server))
        half = stack.enter_context(sent(server, HALF_A_HEADER))
        while Path(held.name).stat().st_size < len(last):  # are being answered
            ask(server)
        assert server.process
        server.process.terminate()
        assert ended(idle), "it has heard"
        assert ended(half)
        flock(held, LOCK_UN)
        for connection in last:
            told(connection)
        server.process.wait(PATIENCE)
        with pytest.raises(ConnectionRefusedError):
            connected(server)


@linux
def test_workers_end_with_gunicorn_even_in_the_middle_of_an_answer(held):
    with serving(held) as server, sent(server, request("/rate/held")) as connection:
        assert server.process
        server.process.kill()
        assert ended(connection)
        while True:
            try:
                connected(server).close()
            except ConnectionResetError:
                continue  # it closes at this very moment
            except ConnectionRefusedError:
                break


def test_head_is_answered_with_the_headers_alone(transactional_db):
    with served("study.wsgi", our_site()) as server:
        whole = request("/login/", "Connection: close\r\n").replace(b"GET", b"HEAD")
        with sent(server, whole) as connection, connection.makefile("rb") as answer:
            head, body = answer.read().split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nContent-Length: " in head
    assert body == b""


@linux
def test_the_chores_of_a_day_are_done_in_a_process_of_their_own(transactional_db):
    with served("study.wsgi", our_site()) as server:
        workers = server.workers()
        os.kill(server.process.pid, signal.SIGALRM)  # the day is over
        while not (others := set(server.children()) - set(workers)):
            assert server.process.poll() is None
        (chores,) = others
        while chores in server.children():
            assert server.process.poll() is None
        assert server.workers() == workers
