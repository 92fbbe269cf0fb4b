"""An image is sent whole and right or not at all, and neither length nor time tell its method."""

from __future__ import annotations

import io
import logging
import random
import time
import zlib
from collections import defaultdict
from itertools import groupby

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image
from scipy import stats

from study.desk import links, studies
from study.models import Deed, Rater, Stimulus, Trial
from study.rating import sessions
from tests.rating.way import go_on, vote, vote_all


def get(client: Client, trial: Trial):
    return client.get(reverse("image", args=[trial.token]))


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """(type, content) of a PNG's chunks, each checked against its checksum, nothing behind them."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place, found = 8, []
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        kind, content = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        check = png[place + 8 + length : place + 12 + length]
        assert int.from_bytes(check, "big") == zlib.crc32(kind + content)
        found.append((kind, content))
        place += 12 + length
    assert place == len(png)
    return found


@pytest.fixture
def shown(rater, trials) -> list[Trial]:
    """Every trial of the small study, all of which the rater's browser may have by now."""
    Rater.objects.update(position=1)
    return trials


# ---- Equally long, equally fast ----


def test_all_versions_of_a_source_are_equally_long_and_show_their_pixels(rater_client, shown):
    lengths = defaultdict(set)
    for trial in shown:
        answer, file = get(rater_client, trial), trial.stimulus.path
        content = answer.content
        lengths[trial.stimulus.source_id].add(len(content))
        assert int(answer["Content-Length"]) == len(content)
        *before, noise, end = chunks(content)
        assert [*before, end] == chunks(file.read_bytes())
        assert noise[0] == b"raNd"
        assert np.array_equal(
            np.asarray(Image.open(io.BytesIO(content))), np.asarray(Image.open(file))
        )
    files = {trial.stimulus.path.stat().st_size for trial in shown}
    assert len(files) == len(shown), "the files themselves tell"
    assert [len(found) for found in lengths.values()] == [1, 1]
    for source, found in lengths.items():
        sizes = [t.stimulus.path.stat().st_size for t in shown if t.stimulus.source_id == source]
        assert found == {max(sizes) + 12 + 16}, "a chunk's frame, and noise for the longest too"


def test_examples_and_checks_of_the_calibration_are_equally_long_too(come):
    client = come(calibrate=True, calibration_checks=2)
    client.post(reverse("start"))
    go_on(client)
    rater = Rater.objects.get()
    lengths, files = defaultdict(set), defaultdict(set)
    for _ in range(6):
        rater.refresh_from_db()
        trial = Trial.objects.get(rater=rater, position=rater.position)
        source = trial.stimulus.source_id
        lengths[source].add(len(get(client, trial).content))
        files[source].add(trial.stimulus.path.stat().st_size)
        vote(rater)
    pairs = [source for source in files if len(files[source]) == 2]
    assert len(pairs) >= 2
    assert all(len(lengths[source]) == 1 for source in lengths)


@pytest.mark.parametrize("unknown", ["all", "one"])
def test_what_a_row_does_not_say_of_a_file_the_file_does(rater_client, shown, unknown):
    for row in Stimulus.objects.all():
        Stimulus.objects.filter(pk=row.pk).update(length=row.path.stat().st_size)
    rows = Stimulus.objects.all() if unknown == "all" else shown[0].stimulus.source.stimuli
    rows.update(length=None)
    lengths = defaultdict(set)
    for trial in shown:
        lengths[trial.stimulus.source_id].add(len(get(rater_client, trial).content))
    assert [len(found) for found in lengths.values()] == [1, 1]


def test_time_to_answer_does_not_tell_the_method(rater_client, shown):
    """In random order, many times over; by ranks, so that what this machine does beside is noise.

    Making no more noise than each file needs, a difference of a tenth of a millisecond, fails.
    """
    turns = shown * 40
    for trial in shown:
        get(rater_client, trial)  # the first time, files are checked and the delivery written down
    random.Random(5).shuffle(turns)
    times: dict[tuple[int, int], list[float]] = defaultdict(list)
    for trial in turns:
        begin = time.perf_counter()
        get(rater_client, trial)
        times[trial.stimulus.source_id, trial.stimulus.method_id].append(
            time.perf_counter() - begin
        )
    found = [
        stats.kruskal(*(times[cell] for cell in cells)).pvalue
        for _, cells in groupby(sorted(times), key=lambda cell: cell[0])
    ]
    assert stats.combine_pvalues(found).pvalue > 1e-6


# ---- Right ----

HARM = {
    "missing": (lambda path, other: path.unlink(), "is missing"),
    "empty": (lambda path, other: path.write_bytes(b""), "is empty"),
    "cut": (lambda path, other: path.write_bytes(path.read_bytes()[:-99]), "bytes;"),
    "swapped": (lambda path, other: path.write_bytes(other.read_bytes()), "bytes;"),
    "altered": (lambda path, other: path.write_bytes(altered(path.read_bytes())), "something else"),
    "a folder": (lambda path, other: (path.unlink(), path.mkdir()), "cannot be read"),
}


def altered(content: bytes) -> bytes:
    """One bit is another, the length is the same."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.fixture
def kept(shown) -> list[Trial]:
    """The same, their lengths written down as when they were taken in."""
    for row in Stimulus.objects.all():
        Stimulus.objects.filter(pk=row.pk).update(length=row.path.stat().st_size)
    return list(Trial.objects.select_related("stimulus").order_by("position"))


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("seen", [True, False], ids=["seen before", "first time"])
def test_a_file_that_is_not_the_one_kept_is_never_shown(rater_client, kept, caplog, harm, seen):
    path, whole = kept[0].stimulus.path, kept[0].stimulus.path.read_bytes()
    before = get(rater_client, kept[0]) if seen else None
    do, sentence = HARM[harm]
    do(path, kept[1].stimulus.path)
    Trial.objects.update(delivered_at=None)
    caplog.clear()
    for method in ("get", "head"):
        answer = getattr(rater_client, method)(reverse("image", args=[kept[0].token]))
        assert (answer.status_code, answer.content) == (503, b"")
        assert "no-store" in answer["Cache-Control"]
        assert int(answer["Retry-After"]) > 0
    assert not Trial.objects.exclude(delivered_at=None).exists()
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2, "one line each"
    assert all(word in caplog.text for word in ("study small", str(kept[0].stimulus_id), sentence))

    stimulus, deed = Stimulus.objects.exclude(fault="").get(), Deed.objects.get(kind="fault")
    assert stimulus.pk == kept[0].stimulus_id == deed.details["stimulus"]
    assert sentence in stimulus.fault
    assert (deed.study, deed.account) == (kept[0].rater.study, "server")
    assert get(rater_client, kept[1]).status_code == 200, "others are shown"

    if path.is_dir():
        path.rmdir()
    path.write_bytes(whole)
    after = get(rater_client, kept[0])
    assert after.status_code == 200
    assert before is None or after.content == before.content
    assert not Stimulus.objects.exclude(fault="").exists()
    get(rater_client, kept[0])
    assert [d.kind for d in Deed.objects.filter(kind__in=["fault", "mended"])] == [
        "fault",
        "mended",
    ]


def test_whoever_asks_again_and_again_writes_nothing(rater_client, kept):
    kept[0].stimulus.path.unlink()
    get(rater_client, kept[0])
    with CaptureQueriesContext(connection) as queries:
        for _ in range(3):
            assert get(rater_client, kept[0]).status_code == 503
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}
    kept[0].stimulus.path.write_bytes(b"")
    get(rater_client, kept[0])
    assert Deed.objects.filter(kind="fault").count() == 2, "another fault is another mark"


# ---- To whom ----


def test_an_image_is_the_same_at_every_request_and_another_for_another_rater(
    rater_client, shown, open_study
):
    """The longest version of a source too, which needs no noise to be as long as the others."""
    for trial in shown:
        first, again = get(rater_client, trial), get(rater_client, trial)
        assert first.content == again.content
        assert "immutable" in first["Cache-Control"]
        head = rater_client.head(reverse("image", args=[trial.token]))
        assert (head.content, head["Content-Length"]) == (b"", first["Content-Length"])
    other = sessions.enrol(links.invite(open_study, 1)[0])
    Rater.objects.filter(pk=other.pk).update(position=1)
    client = Client()
    client.get(other.invitation.get_absolute_url())
    for trial in shown:
        same = Trial.objects.get(rater=other, stimulus=trial.stimulus)
        mine, theirs = get(rater_client, trial).content, get(client, same).content
        assert len(theirs) == len(mine)
        assert theirs != mine


def test_the_first_time_that_an_image_is_sent_is_written_down(rater_client, trials):
    rater_client.head(reverse("image", args=[trials[0].token]))
    assert not Trial.objects.exclude(delivered_at=None).exists(), "nothing was sent"
    get(rater_client, trials[0])
    first = Trial.objects.exclude(delivered_at=None).get()
    assert first == trials[0]
    get(rater_client, trials[0])
    assert Trial.objects.get(pk=first.pk).delivered_at == first.delivered_at


@pytest.mark.parametrize("end", ["finished", "withdrawn", "screened out", "revoked", "closed"])
def test_who_has_ended_or_whose_study_is_closed_is_sent_nothing(
    rater_client, rater, trials, open_study, end
):
    assert get(rater_client, trials[0]).status_code == 200
    if end == "finished":
        vote_all(rater)
    elif end == "withdrawn":
        sessions.withdraw(rater, erase=False)
    elif end == "screened out":
        sessions.end(rater, Rater.Stage.SCREENED_OUT, refusal="calibration")
    elif end == "revoked":
        links.revoke(rater.invitation)
    else:
        studies.close(open_study)
    for trial in trials:
        for answer in (
            get(rater_client, trial),
            rater_client.head(reverse("image", args=[trial.token])),
        ):
            assert answer.status_code in (403, 404)
            assert "immutable" not in answer.get("Cache-Control", "")
    told = rater_client.get(reverse("upcoming"))
    assert told.status_code == 403 or told.json()["trials"] == []


def test_what_is_no_image_is_never_kept_by_a_browser(trials):
    answer = get(Client(), trials[0])
    assert answer.status_code == 401
    assert "no-store" in answer["Cache-Control"]


def test_plates_are_not_shown_once_the_study_is_closed(come):
    client = come(plates=2)
    client.post(reverse("start"))
    address = reverse("plate", args=[0])
    assert client.get(address).status_code == 200
    studies.close(Rater.objects.get().study)
    assert client.get(address).status_code == 404
