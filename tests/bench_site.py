"""How long raters wait while a researcher reads a study of the paper's size.

Twenty-six simulated raters have rated 1128 images each, of 119 sources by ten versions. People rate
the same study, a vote each second, while a researcher opens every page and takes every file over
and over, a hundred connections say nothing, thirty drip a byte at a time, and eight clients try
passwords; then while the worker makes outputs by a network.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from tests.own_site import own_site

if TYPE_CHECKING:
    from study.models import Rater, Stimulus, Study

ROOT = Path(__file__).resolve().parent.parent
SOURCES, SHARE, SIMULATED = 119, 1128, 26
RATERS = 8
PACE = 0.5
"""Seconds from an answer to the next vote."""
SECONDS = 60.0
IDLE, DRIPPING, GUESSING = 100, 30, 8
DRIP = 0.5
"""Seconds between two bytes of a request that drips."""
PASSWORD = "correct horse battery staple"


def site() -> None:
    """Waiting times of raters, alone and beside a busy desk and a crowded door."""
    with own_site() as folder, _but_refusals(folder / "log") as log:
        from tests.bench_desk import pages
        from tests.serving import served

        study = paper_sized()
        raters = [_enrolled(study) for _ in range(RATERS)]
        with served("study.wsgi", {}, log) as server:
            researcher = _SignedIn(server.port)
            researcher.sign_in("researcher", PASSWORD)
            pages(researcher, study)
            print(f"{RATERS} raters at a time in a study that {SIMULATED} have rated "
                  f"({SIMULATED * SHARE} ratings):")  # fmt: skip
            _say("by themselves", _waits(server.port, raters))
            with ExitStack() as busy:
                busy.enter_context(_connections(server.port, IDLE, dripping=False))
                busy.enter_context(_connections(server.port, DRIPPING, dripping=True))
                desk = busy.enter_context(_threads(1, lambda _: _read(researcher, study.slug)))
                waits = _waits(server.port, raters)
            _say(f"beside a researcher who opens everything, {IDLE} idle and {DRIPPING} dripping "
                 "connections", waits)  # fmt: skip
            slowest = max(desk[0], key=lambda address: desk[0][address])
            print(f"    the researcher waited {desk[0][slowest]:.1f} s at most, for {slowest}")
            with _threads(GUESSING, lambda _: _guess(server.port)) as guesses:
                waits = _waits(server.port, raters)
            _say(f"beside {GUESSING} who try {sum(map(len, guesses))} passwords", waits)
            with _long_work() as done:
                waits = _waits(server.port, raters)
            _say(f"beside a worker that makes outputs ({done()})", waits)


@contextmanager
def _long_work() -> Iterator[Callable[[], str]]:
    """A worker that is busy with the slowest of the networks; says how far it came."""
    from django.conf import settings

    from benchmarks import fetch
    from study.desk import jobs
    from study.models import Job
    from study.models.deeds import by_command

    fetch.fetch(["Samples"], source=None, destination=settings.BENCHMARKS_DIR, progress=False)
    job = jobs.ask(Job.Kind.GENERATE, by=by_command(), sets=["Samples"], methods=["drcn"])
    worker = subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=ROOT)

    def done() -> str:
        job.refresh_from_db()
        return f"{job.done} of {job.total} images by DRCN"

    try:
        while job.state == Job.State.WAITING:
            time.sleep(0.1)
            job.refresh_from_db()
        yield done
    finally:
        worker.terminate()
        worker.wait()


def _say(what: str, waits: Mapping[str, Sequence[float]]) -> None:
    """Median, 99th percentile and maximum over all requests, and what they were for."""
    together = [1000 * wait for each in waits.values() for wait in each]
    half, most = np.percentile(together, (50, 99))
    each = ", ".join(
        f"{name} {1000 * np.percentile(waits[name], 50):.0f} and "
        f"{1000 * np.percentile(waits[name], 99):.0f}"
        for name in waits
    )
    print(f"  {what}: answers within {half:.0f} ms, 99 % of {len(together)} within {most:.0f} ms, "
          f"all within {max(together):.0f} ms\n    ({each})")  # fmt: skip


# ---- A study of the paper's size ----


@contextmanager
def _but_refusals(path: Path) -> Iterator[IO[str]]:
    """A file for a server's log; in the end what is in it is shown, without refused requests."""
    with path.open("w") as log:
        try:
            yield log
        finally:
            lines = path.read_text().splitlines(keepends=True)
            sys.stderr.writelines(line for line in lines if " WARNING django.request: " not in line)


def paper_sized() -> Study:
    """An open study with its simulated raters' votes; five photographs under many names."""
    from django.contrib.auth.models import User

    from study.desk import studies
    from study.models import Study, StudyStimulus

    stimuli = _stimuli()
    study = Study.objects.create(slug="paper", title="A study of the paper's size", share=SHARE)
    StudyStimulus.objects.bulk_create(
        StudyStimulus(study=study, stimulus=stimulus) for stimulus in stimuli
    )
    studies.open_(study)
    _simulate(study, stimuli)
    study.researchers.add(User.objects.create_user("researcher", password=PASSWORD))
    return study


def _stimuli() -> list[Stimulus]:
    from dataclasses import replace

    from benchmarks.fetch import SAMPLE_FILES, cut_sample
    from benchmarks.files import encode_png
    from benchmarks.measures import Value
    from sr_models.methods import METHODS
    from study.desk import stimuli

    rng = np.random.default_rng(0)
    names = list(METHODS)[-10:]
    photographs = [cut_sample(name) for name in SAMPLE_FILES]
    versions = []
    for image in photographs:
        for name in names:
            noisy = np.clip(image + rng.integers(-3, 4, image.shape), 0, 255).astype(np.uint8)
            size = (image.shape[1], image.shape[0])
            versions.append(
                stimuli.put(encode_png(noisy), dataset="paper", title="Paper", image="",
                            method=name, size=size)
            )  # fmt: skip
    measures = ("psnr", "ssim", "ssim_daala", "lpips")
    return stimuli.store(
        [
            replace(
                versions[len(names) * (number % len(photographs)) + place],
                image=f"source{number}",
                measures={name: Value(1, float(rng.random())) for name in measures},
            )
            for number in range(SOURCES)
            for place in range(len(names))
        ]
    )


def _simulate(study: Study, stimuli: Sequence[Stimulus]) -> None:
    """Votes of simulated raters, as rows: how they come about is measured elsewhere."""
    from django.utils import timezone

    from study.models import Rater, Rating, Session, Trial

    rng, now = np.random.default_rng(1), timezone.now()
    for number in range(1, SIMULATED + 1):
        rater = Rater.objects.create(
            study=study, number=number, simulated=True, stage="finished", position=SHARE,
            finished_at=now,
        )  # fmt: skip
        session = Session.objects.create(rater=rater, seed=number, gap=3, started_at=now)
        order = rng.permutation(len(stimuli))[:SHARE]
        trials = Trial.objects.bulk_create(
            Trial(rater=rater, session=session, position=place, stimulus=stimuli[chosen])
            for place, chosen in enumerate(order)
        )
        felt = rng.normal(3 + (order % 10 - 5) / 4, 0.8)
        Rating.objects.bulk_create(
            Rating(trial=trial, score=int(np.clip(round(score), 1, 5)), client_id=uuid.uuid4())
            for trial, score in zip(trials, felt, strict=True)
        )


def _enrolled(study: Study) -> Rater:
    from study.desk import links
    from study.rating import sessions

    return sessions.enrol(links.invite(study, 1)[0])


# ---- Who uses it ----


def _waits(port: int, raters: Sequence[Rater]) -> dict[str, list[float]]:
    """Seconds that each answer took, by what it was, for raters who vote at an even pace."""
    stop = threading.Event()
    sessions = [_Session(port, rater, stop) for rater in raters]
    for session in sessions:
        session.start()
    stop.wait(SECONDS)
    stop.set()
    for session in sessions:
        session.join()
    problems = [problem for session in sessions for problem in session.problems]
    assert not problems, problems[:3]
    kinds = ("vote", "image")
    return {
        kind: [w for each in sessions for name, w in each.waits if name == kind] for kind in kinds
    }


@dataclass
class _Session(threading.Thread):
    """A rater's browser: fetches the images it is told of, votes on the first, goes on."""

    port: int
    rater: Rater
    stop: threading.Event
    waits: list[tuple[str, float]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        from tests.serving import headers_of

        assert self.rater.invitation
        self.headers = headers_of(self.rater.invitation)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        fetched: set[str] = set()
        # Not all in the same moment, which no crowd does.
        self.stop.wait(PACE * self.rater.number / RATERS)
        state = json.loads(self._asked("GET", "/rate/next"))
        while not self.stop.wait(PACE) and state["trials"]:
            for trial in state["trials"]:
                if trial["token"] not in fetched:
                    fetched.add(trial["token"])
                    self._asked("GET", trial["image"])
            if self.stop.wait(PACE):
                break
            vote = {"trial": state["trials"][0]["token"], "score": 3, "id": str(uuid.uuid4()),
                    "response_ms": int(1000 * PACE)}  # fmt: skip
            state = json.loads(self._asked("POST", "/rate/vote", json.dumps(vote)))

    def _asked(self, method: str, path: str, body: str | None = None) -> bytes:
        start = time.perf_counter()
        self.connection.request(method, path, body, dict(self.headers))
        answer = self.connection.getresponse()
        content = answer.read()
        self.waits.append((path.split("/")[2], time.perf_counter() - start))
        if answer.status != 200:
            self.problems.append(f"{method} {path}: {answer.status} {content[:200]!r}")
        return content


def _read(browser: _SignedIn, slug: str) -> dict[str, float]:
    """The longest wait for each address, of a researcher who opens all of them in turn."""
    from django.urls import reverse

    from study.desk import exports

    page = reverse("study", args=[slug])
    browser.post(reverse("look", args=[slug]), page)
    addresses = [
        reverse("studies"), page,
        *(reverse("figure", args=[slug, name, form]) for name in exports.FIGURES
          for form in exports.FIGURE_FORMATS),
        *(reverse("results", args=[slug, form]) for form in exports.TABLE_FORMATS),
        reverse("ratings", args=[slug]), reverse("archive", args=[slug]),
    ]  # fmt: skip
    waits: dict[str, float] = {}
    while not _over.is_set():
        for address in addresses:
            for kind in ("simulated", "people"):
                if _over.is_set():
                    return waits
                start = time.perf_counter()
                browser.get(f"{address}?raters={kind}")
                name = f"{address}?raters={kind}"
                waits[name] = max(waits.get(name, 0.0), time.perf_counter() - start)
    return waits


def _guess(port: int) -> dict[str, float]:
    """Wrong passwords, one after the other."""
    browser = _SignedIn(port)
    tried: dict[str, float] = {}
    while not _over.is_set():
        browser.sign_in("researcher", f"guess {len(tried)}", expect=())
        tried[str(len(tried))] = time.perf_counter()
    return tried


class _SignedIn:
    """A browser of the desk: cookies, and forms with their token."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def get(self, path: str, expect: Sequence[int] = (200, 202, 404)) -> str:
        return self._send("GET", path, None, {}, expect)

    def post(self, path: str, page: str, expect: Sequence[int] = (302,), **fields: str) -> str:
        import re
        from urllib.parse import urlencode

        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(page, ()))
        fields["csrfmiddlewaretoken"] = token[1] if token else ""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, urlencode(fields), kind, expect)

    def sign_in(self, name: str, password: str, expect: Sequence[int] = (302,)) -> None:
        self.post("/login/", "/login/", expect, username=name, password=password)

    def _send(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str],
        expect: Sequence[int],
    ) -> str:  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request(method, path, body, {**headers, "Cookie": cookies})
        answer = connection.getresponse()
        content = answer.read()
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        connection.close()
        assert not expect or answer.status in expect, f"{method} {path}: {answer.status}"
        return content.decode(errors="replace")


# ---- And who disturbs ----

_over = threading.Event()


@contextmanager
def _threads(
    count: int, work: Callable[[int], dict[str, float]]
) -> Iterator[list[dict[str, float]]]:
    """``work`` by so many threads until the block ends; what each of them brought back then."""
    from concurrent.futures import ThreadPoolExecutor

    _over.clear()
    brought: list[dict[str, float]] = []
    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(work, number) for number in range(count)]
        yield brought
        _over.set()
        brought += [each.result() for each in running]


@contextmanager
def _connections(port: int, count: int, *, dripping: bool) -> Iterator[None]:
    """Connections that say nothing, or a byte of a header now and then."""
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    over = threading.Event()

    def drip() -> None:
        request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
        for number in range(10_000):
            for one in opened:
                try:
                    one.send(request[number : number + 1] or b"a")
                except OSError:
                    continue
            if over.wait(DRIP):
                return

    thread = threading.Thread(target=drip, daemon=True)
    if dripping:
        thread.start()
    yield
    over.set()
    for one in opened:
        one.close()


if __name__ == "__main__":
    site()
