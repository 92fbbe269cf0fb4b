"""Votes per second, and the time from a key to the next image, each beside the least that does it.

The server is the one that ``make run`` starts, with a database of its own in a temporary folder.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import statistics
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.own_site import own_site, study_of_photographs

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from study.models import Invitation, Study

METHODS = ("nearest", "bicubic", "hr")
CONNECTIONS = 16
SECONDS = 10.0
"""For which they vote."""
TURNS = 3
VOTES = 3000
"""Trials for each connection: more than it can vote on in that time."""
PRESSES = 200
PACE = 400
"""Milliseconds between two presses: faster than anybody judges."""
LATENCIES = (0, 100, 300)
"""Milliseconds by which an answer of the server comes later."""


def session() -> None:
    """Both measurements, on a server that is started for them."""
    with own_site() as folder:
        study = study_of_photographs(folder, "bench", methods=METHODS)
        _voting(study, folder)
        _keys(study)


# ---- Votes per second ----


def _voting(study: Study, folder: Path) -> None:
    """Sixteen connections vote for ten seconds, on the product and on a minimal application."""
    ours: list[float] = []
    least: list[float] = []
    for turn in range(TURNS):
        crowd = [_rater(study, VOTES) for _ in range(CONNECTIONS)]
        tokens = [_tokens(invitation) for invitation in crowd]
        ours.append(_rate("study.wsgi", {}, tokens, crowd))
        own = {"DATABASE": str(folder / f"minimal-{turn}.sqlite3")}
        least.append(_rate("tests.minimal", own, tokens, None))
    fast, minimal = statistics.median(ours), statistics.median(least)
    print(f"{CONNECTIONS} connections: {fast:.0f} votes a second, a minimal application "
          f"{minimal:.0f}, {fast / minimal:.2f} times as many")  # fmt: skip


def _rater(study: Study, trials: int) -> Invitation:
    """Somebody who has enrolled, with so many trials added to their last session."""
    from study.desk import links
    from study.rating import sessions
    from tests.serving import with_many_trials

    (invitation,) = links.invite(study, 1)
    with_many_trials(sessions.enrol(invitation), trials)
    return invitation


def _tokens(invitation: Invitation) -> list[str]:
    from study.models import Trial

    trials = Trial.objects.filter(rater__invitation=invitation).order_by("position")
    return list(trials.values_list("token", flat=True))


def _rate(
    application: str,
    environment: Mapping[str, str],
    tokens: Sequence[Sequence[str]],
    crowd: Sequence[Invitation] | None,
) -> float:
    """Votes that an application acknowledges a second; every one is to be stored."""
    from study.models import Rating
    from tests.serving import Voter, headers_of, served

    stop, before = threading.Event(), Rating.objects.count()
    with served(application, environment) as server:
        headers = (
            [headers_of(invitation) for invitation in crowd]
            if crowd
            else [_enter(server.port, number) for number in range(len(tokens))]
        )
        voters = [
            Voter(port=server.port, headers=own, tokens=votes, stop=stop, number=number)
            for number, (own, votes) in enumerate(zip(headers, tokens, strict=True))
        ]
        for voter in voters:
            voter.start()
        stop.wait(SECONDS)
        assert all(voter.is_alive() for voter in voters), "a voter came to the end of its trials"
        stop.set()
        for voter in voters:
            voter.join()
    errors = [error for voter in voters for error in voter.errors]
    assert not errors, errors[:3]
    assert not any(voter.unanswered for voter in voters)
    acknowledged = sum(len(voter.acknowledged) for voter in voters)
    assert not crowd or Rating.objects.count() - before == acknowledged
    return acknowledged / SECONDS


def _enter(port: int, voter: int) -> dict[str, str]:
    """What a browser that came by the minimal application's first page sends with a vote."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/enter/{voter}")
    answer = connection.getresponse()
    cookies = [line.split(";")[0] for line in answer.headers.get_all("Set-Cookie", [])]
    csrf = json.loads(answer.read())["csrf"]
    return {"Cookie": "; ".join(cookies), "X-CSRFToken": csrf, "Content-Type": "application/json"}


# ---- From a key to the next image ----

WATCH = """
globalThis.swaps = [];
const shown = () => document.querySelector("#stage img");
addEventListener("keydown", ({ timeStamp }) => {
  const before = shown();
  const { port1, port2 } = new MessageChannel(); // heard once the frame has been painted
  port1.onmessage = () => {
    swaps.push(performance.now() - timeStamp);
    document.documentElement.dataset.swaps = swaps.length;
  };
  const look = () => {
    const image = shown();
    if (image && image !== before && !image.hidden) port2.postMessage(null);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}, true);
"""
"""Put into every page: the milliseconds from each key to the frame with another image."""

BARE = """
<!doctype html><title>Bare</title><body style="margin: 0; background: #777">
<main id="stage"><img></main>
<script>
  const images = SOURCES.map((source) => Object.assign(new Image(), { src: source }));
  let turn = 0;
  const swap = () => document.querySelector("#stage").replaceChildren(images[(turn ^= 1)]);
  Promise.all(images.map((image) => image.decode())).then(() => {
    swap();
    addEventListener("keydown", swap);
    document.body.dataset.ready = "yes";
  });
</script>
"""


def _keys(study: Study) -> None:
    """The rating page at several latencies, in turns with a page that only swaps two images."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import chromium
    from tests.serving import served

    with served("study.wsgi", {}) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium())
        bare = _bare(browser, study, PRESSES // 2)
        ours = {latency: _pressed(browser, study, server.port, latency) for latency in LATENCIES}
        bare += _bare(browser, study, PRESSES // 2)
        browser.close()
    median, slow = np.percentile(bare, (50, 99))
    print(f"Key to next image painted: a bare page {median:.1f} ms, 99 % within {slow:.1f} ms")
    for latency, times in ours.items():
        half, most = np.percentile(times, (50, 99))
        print(f"  answers {latency} ms later: {half:.1f} ms, {half / median:.2f} times the bare "
              f"page's, 99 % within {most:.1f} ms, {most / slow:.2f} times")  # fmt: skip


def _bare(browser: Browser, study: Study, presses: int) -> list[float]:
    stimuli = study.stimuli.order_by("pk")[:2]
    sources = [
        "data:image/png;base64," + base64.b64encode(stimulus.path.read_bytes()).decode()
        for stimulus in stimuli
    ]
    page = _page(browser)
    page.goto("about:blank")
    page.set_content(BARE.replace("SOURCES", json.dumps(sources)))
    page.evaluate(WATCH)
    page.locator("[data-ready]").wait_for(state="attached")
    for number in range(1, presses + 1):
        page.wait_for_timeout(PACE)
        _press(page, number)
    return _swaps(page)


def _pressed(browser: Browser, study: Study, port: int, latency: int) -> list[float]:
    from tests.browser.conftest import votable

    invitation = _rater(study, PRESSES)
    with _later(port, latency / 1000) as proxy:
        page = _page(browser)
        page.add_init_script(WATCH)
        page.goto(f"http://127.0.0.1:{proxy}{invitation.get_absolute_url()}")
        votable(page, 1)
        page.wait_for_load_state("networkidle")
        for number in range(1, PRESSES + 1):
            page.wait_for_timeout(PACE)
            votable(page, number)
            _press(page, number)
        return _swaps(page)


def _press(page: Page, number: int) -> None:
    """The key, and the wait until another image is there for the ``number``-th time."""
    page.keyboard.press("3")
    page.locator(f"html[data-swaps='{number}']").wait_for(state="attached")


def _page(browser: Browser) -> Page:
    return browser.new_page(viewport={"width": 1280, "height": 800})


def _swaps(page: Page) -> list[float]:
    swaps: list[float] = page.evaluate("swaps")
    page.context.close()
    return swaps


@contextmanager
def _later(port: int, seconds: float) -> Iterator[int]:
    """A port that leads to ``port`` and holds back all that comes from there."""
    loop = asyncio.new_event_loop()

    async def pass_on(
        source: asyncio.StreamReader, sink: asyncio.StreamWriter, wait: float
    ) -> None:
        while data := await source.read(65536):
            loop.call_later(wait, sink.write, data)
        loop.call_later(wait, sink.close)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        with suppress(asyncio.CancelledError):
            await asyncio.gather(pass_on(reader, forth, 0), pass_on(back, writer, seconds))

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.start_server(connect, "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(listening, loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_cancel_the_rest(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


if __name__ == "__main__":
    session()
