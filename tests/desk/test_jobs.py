"""Long work: asked for once, done once, cancelled, told of, and shown to whom it concerns."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from benchmarks import datasets, outputs
from benchmarks.cases import output_size
from study.desk import claims, jobs, studies, work, worker
from study.management.plain import sentence
from study.models import Deed, Job, Rater, Rating
from study.models.deeds import By
from study.models.jobs import TRIES

pytestmark = pytest.mark.django_db
Kind, State = Job.Kind, Job.State
ONE, TWO = "1" * 32, "2" * 32
"""Uploads."""


@pytest.fixture
def admin(db) -> User:
    return User.objects.create_superuser("admin", password="admin-password")


@pytest.fixture
def asker(db) -> User:
    return User.objects.create_user("asker", password="asker-password")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def whose(user: User) -> By:
    return By(user, user.get_username())


def generating(user: User) -> Job:
    return jobs.ask(Kind.GENERATE, by=whose(user), sets=["Samples"], methods=["nearest"])


def uploaded(settings, name: str, files: dict[str, bytes]) -> str:
    folder = Path(settings.VAR_DIR, "uploads", name)
    folder.mkdir(parents=True)
    folder.with_name(f".{name}").mkdir()  # what is known of it
    for file, content in files.items():
        (folder / file).write_bytes(content)
    return name


def photographs(generated: Path) -> dict[str, bytes]:
    paths = sorted((generated / "benchmarks" / "Samples").glob("*.png"))[:2]
    return {f"{path.stem} of mine.png": path.read_bytes() for path in paths}


def a_set(user: User, upload: str, **other: Any) -> Job:
    what: dict[str, Any] = {
        "name": "Mine",
        "upload": upload,
        "scale": 4,
        "references": True,
    } | other
    return jobs.ask(Kind.ADD_SET, by=whose(user), **what | other)


def done(job: Job) -> Job:
    found = work.carry_out(job.pk, explain=sentence)
    assert found is not None
    return found


@pytest.mark.django_db(transaction=True)
def test_what_is_asked_for_twice_is_one_job_until_it_is_over(asker, admin):
    first = generating(asker)
    assert generating(admin) == first
    assert DBTaskResult.objects.count() == 1, "the bell is rung once"
    assert worker._rung()
    assert not worker._rung()
    assert [deed.user for deed in Deed.objects.filter(kind=Deed.Kind.ASKED)] == [asker]
    jobs.cancel(first, by=whose(asker))
    assert generating(admin) != first


def test_a_job_that_somebody_is_at_is_no_one_elses(asker):
    job = generating(asker)
    held = claims.lock(job.pk)
    assert held
    assert not claims.is_free(job)
    assert claims.claim(job.pk)
    held.close()  # as when its process has died
    assert claims.is_free(job)
    Job.objects.update(holder="another-host 7")
    assert not claims.is_free(job), "of another host no lock tells anything"
    assert not claims.claim(job.pk)
    Job.objects.update(seen_at=timezone.now() - timedelta(seconds=61))
    assert claims.is_free(job)
    assert claims.claim(job.pk)


def test_cancelling_ends_what_waits_at_once_and_asks_whoever_is_at_the_rest(asker):
    job = generating(asker)
    jobs.cancel(job, by=whose(asker))
    job.refresh_from_db()
    assert job.state == State.CANCELLED
    with pytest.raises(ValueError, match="over already"):
        jobs.cancel(job, by=whose(asker))
    second = generating(asker)
    held = claims.lock(second.pk)
    assert held
    claims.claim(second.pk)
    jobs.cancel(second, by=whose(asker))
    second.refresh_from_db()
    assert (second.state, second.cancel_asked) == (State.RUNNING, True)
    assert Deed.objects.filter(kind=Deed.Kind.CANCELLED).count() == 2
    assert generating(asker) != second, "what is about to be cancelled is asked for anew"
    third = Job.objects.exclude(pk__in=[job.pk, second.pk]).get()
    jobs.cancel(third, by=whose(asker))
    held.close()
    worker.do_what_is_due(lambda: False)  # whose holder is gone, as its lock tells
    second.refresh_from_db()
    assert second.state == State.CANCELLED


def test_cancelling_ends_at_once_what_nobody_is_at_though_no_worker_comes(asker):
    job = generating(asker)
    claims.claim(job.pk)  # by one who is gone, and whose lock is free
    job.refresh_from_db()
    jobs.cancel(job, by=whose(asker))
    job.refresh_from_db()
    assert job.state == State.CANCELLED


def test_what_was_done_before_it_could_be_cancelled_says_so(asker):
    job = generating(asker)
    Job.objects.update(state=State.DONE, cancel_asked=True, told="5 outputs made.")
    shown = signed_in(asker).get(reverse("job", args=[job.pk])).content.decode()
    assert "It was done before it could be cancelled. 5 outputs made." in shown


def test_of_two_jobs_that_make_some_of_the_same_outputs_one_goes_after_the_other(asker):
    def of(sets: list[str], methods: list[str] | None) -> Job:
        return jobs.ask(Kind.GENERATE, by=whose(asker), sets=sets, methods=methods)

    first = of(["Set5", "Set14"], ["nearest", "srgan"])
    same = of(["Set14"], ["srgan"])
    every = of(["Set5"], None)
    brought = jobs.ask(Kind.ADD_OUTPUTS, by=whose(asker), name="srgan", sets=["Set14"])
    other_set, other_method = of(["BSD100"], ["srgan"]), of(["Set5"], ["bicubic"])
    assert claims.claim(first.pk)
    for job in (same, every, brought):
        assert claims.stands_back(job)
        assert not claims.claim(job.pk)
    for job in (other_set, other_method):
        assert not claims.stands_back(job)
    Job.objects.filter(pk=first.pk).update(state=State.DONE)
    assert claims.claim(same.pk)


def test_a_job_leaves_the_last_of_the_disk_for_votes_and_says_so(
    settings, generated, asker, monkeypatch
):
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    monkeypatch.setattr(jobs, "KEPT_FREE", 1 << 60)  # more than any disk has
    job = generating(asker)
    shown = signed_in(asker).get(reverse("jobs")).content.decode()
    assert "The disk of this server is full." in shown
    worker.do_what_is_due(lambda: False)
    job.refresh_from_db()
    assert job.state == State.WAITING
    ended = done(job)
    assert ended.state == State.FAILED
    assert ended.told.startswith("The disk that votes are kept on (VAR_DIR) is full: the last")
    monkeypatch.undo()
    again = done(jobs.again(ended, by=whose(asker)))
    assert again.state == State.DONE


def test_the_bar_tells_how_many_are_due_and_which_of_ones_own_have_ended_since(
    asker, admin, open_study, owner
):
    client, since = signed_in(asker), timezone.now().timestamp()
    mine, theirs = generating(asker), jobs.ask(
        Kind.FETCH, by=whose(admin), name="Set5"
    )  # fmt: skip
    jobs.ask(Kind.MEASURE, by=whose(owner), study=open_study)
    told = client.get(reverse("jobs_bar"), {"since": since}).json()
    assert (told["due"], told["ended"]) == (2, [])
    Job.objects.filter(pk__in=[mine.pk, theirs.pk]).update(
        state=State.FAILED, ended_at=timezone.now()
    )
    told = client.get(reverse("jobs_bar"), {"since": since}).json()
    assert told["due"] == 0
    assert told["ended"] == [
        {"id": mine.pk, "state": "Failed", "wish": mine.wish, "page": mine.get_absolute_url()}
    ]
    assert client.get(reverse("jobs_bar"), {"since": told["now"]}).json()["ended"] == []
    for wrong in ({}, {"since": "x"}, {"since": "nan"}, {"since": "1e300"}):
        answer = client.get(reverse("jobs_bar"), wrong)
        assert answer.status_code == 400
        assert "seconds since 1970" in answer.json()["problem"]


def test_the_start_page_says_what_became_of_what_one_asked_for_today(asker, admin):
    old, done_, other = generating(asker), None, None
    jobs.cancel(old, by=whose(asker))
    Job.objects.update(ended_at=timezone.now() - timedelta(days=2))
    done_ = jobs.ask(Kind.FETCH, by=whose(asker), name="Set14")
    Job.objects.filter(pk=done_.pk).update(state=State.DONE, ended_at=timezone.now())
    other = jobs.ask(Kind.FETCH, by=whose(admin), name="BSD100")
    shown = signed_in(asker).get(reverse("home")).content.decode()
    assert done_.wish in shown
    assert reverse("set_page", args=["Set14"]) in shown
    assert old.wish not in shown
    assert other.wish not in shown


def test_outputs_are_made_and_it_is_told_how_far_it_is(settings, generated, asker):
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    heard: list[tuple[int, int, str]] = []
    job = generating(asker)
    work.carry_out(job.pk, explain=sentence, say=lambda *told: heard.append(told))
    job.refresh_from_db()
    assert job.state == State.DONE
    assert job.told.startswith("5 outputs made, 0 were there already.\nLPIPS was not measured")
    assert heard[0][:2] == (0, 5)
    assert job.total == 5
    assert "images a second" in job.pace
    assert work.carry_out(job.pk, explain=sentence) is None, "it is over"
    again = done(generating(asker))
    assert again.told.startswith("0 outputs made, 5 were there already.")


def test_images_that_cannot_be_used_are_the_reason_of_a_failure(settings, generated, asker):
    settings.BENCHMARKS_DIR = settings.VAR_DIR / "benchmarks"
    home = settings.BENCHMARKS_DIR / "Samples"
    home.mkdir(parents=True)
    first, *others = sorted((generated / "benchmarks" / "Samples").glob("*.png"))
    for path in others:
        (home / path.name).symlink_to(path)
    job = done(generating(asker))
    assert job.state == State.FAILED
    assert "1 image could not be used (4 outputs made, 0 were there already):" in job.told
    assert f"BENCHMARKS_DIR/Samples/{first.name} is missing" in job.told


def test_a_set_comes_in_under_the_name_of_who_asked_and_nothing_stays_of_its_upload(
    settings, generated, asker, django_capture_on_commit_callbacks
):
    settings.BENCHMARKS_DIR = settings.VAR_DIR / "benchmarks"
    job = a_set(asker, uploaded(settings, ONE, photographs(generated)), license="CC0")
    with django_capture_on_commit_callbacks(execute=True):
        job = done(job)
    assert job.state == State.DONE, job.told
    assert len(datasets.manifest("Mine", settings.BENCHMARKS_DIR).images) == 2
    (deed,) = Deed.objects.filter(kind=Deed.Kind.ADDED)
    assert (deed.user, deed.details["name"], deed.details["license"]) == (asker, "Mine", "CC0")
    assert not list(Path(settings.VAR_DIR, "uploads").iterdir())
    assert str(settings.VAR_DIR) not in job.told
    assert "manage.py" not in job.told


def test_an_import_whose_end_was_not_written_down_is_done_and_repeats_nothing(
    settings, generated, asker
):
    settings.BENCHMARKS_DIR = settings.VAR_DIR / "benchmarks"
    job = done(a_set(asker, uploaded(settings, ONE, photographs(generated))))
    files = {p: p.stat().st_mtime_ns for p in settings.BENCHMARKS_DIR.rglob("*.png")}
    Job.objects.update(state=State.RUNNING)
    Deed.objects.filter(kind=Deed.Kind.ADDED).delete()
    job = done(job)
    assert job.state == State.DONE
    assert Deed.objects.filter(kind=Deed.Kind.ADDED).count() == 1
    assert {p: p.stat().st_mtime_ns for p in settings.BENCHMARKS_DIR.rglob("*.png")} == files


def test_what_was_uploaded_and_is_no_set_is_told_without_a_place_on_the_server(
    settings, generated, asker, django_capture_on_commit_callbacks
):
    settings.BENCHMARKS_DIR = settings.VAR_DIR / "benchmarks"
    some = photographs(generated) | {"broken.png": b"no image"}
    with django_capture_on_commit_callbacks(execute=True):
        job = done(a_set(asker, uploaded(settings, ONE, some)))
    assert job.state == State.FAILED
    assert job.told.startswith("What was uploaded was not taken: ")
    assert "broken.png" in job.told
    assert str(settings.VAR_DIR) not in job.told
    assert not list(settings.BENCHMARKS_DIR.rglob("*.png"))
    shutil.rmtree(Path(settings.VAR_DIR, "uploads", ONE))  # it was there, to be tried otherwise
    with pytest.raises(ValueError, match="upload it once more"):
        jobs.again(job, by=whose(asker))
    for wrong in ("../jobs", "a/b", "."):
        with pytest.raises(ValueError, match="names no upload"):
            a_set(asker, wrong)


def test_outputs_of_a_method_come_in_and_parts_of_a_set_are_counted_on(settings, generated, asker):
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    made = {
        path.name: path.read_bytes()
        for path in (generated / "outputs" / "Samples" / "bicubic").glob("*.png")
    }
    settings.METHODS_DIR = settings.VAR_DIR / "methods"
    job = jobs.ask(
        Kind.ADD_OUTPUTS, by=whose(asker), name="ours", upload=uploaded(settings, TWO, made),
        sets=["Samples"],
    )  # fmt: skip
    job = done(job)
    assert (job.state, job.total) == (State.DONE, 10), job.told
    assert "ook 5 outputs of Samples" in job.told
    assert len(list((settings.OUTPUTS_DIR / "Samples" / "ours").glob("*.json"))) == 5  # measured
    progress = work._Progress(Job.objects.filter(pk=job.pk), 0, None)  # as with LR images
    for part in ((0, 2), (2, 2), (0, 3), (1, 3)):
        progress.stored.clear()
        progress(*part, "a part")
    job.refresh_from_db()
    assert (job.done, job.total) == (3, 5)


def test_parts_to_come_are_counted_from_the_start_and_no_time_is_told_before_the_last(asker):
    job = jobs.ask(Kind.ADD_OUTPUTS, by=whose(asker), name="ours", sets=["Samples"])
    claims.claim(job.pk)
    job.refresh_from_db()
    progress = work._Progress(Job.objects.filter(pk=job.pk), 0, None, parts=work._parts(job))

    def seen(done: int, total: int) -> tuple[int, int | None, bool]:
        progress.stored.clear()
        progress(done, total, "an image")
        job.refresh_from_db()
        return job.done, job.total, bool(job.left)

    assert seen(0, 4) == (0, 8, False)
    assert seen(3, 4) == (3, 8, False), "reading tells nothing about how long measuring takes"
    assert "a second" in job.pace
    assert seen(4, 4) == (4, 8, False)
    assert seen(0, 0) == (4, 8, False), "weights are brought"
    assert seen(0, 4) == (4, 8, False)
    assert seen(2, 4) == (6, 8, True)
    progress.store(over=True)
    job.refresh_from_db()
    assert (job.done, job.total) == (6, 8)


def test_a_job_of_two_parts_that_gets_on_in_the_second_one_is_not_given_up(asker):
    job = jobs.ask(Kind.ADD_OUTPUTS, by=whose(asker), name="ours", sets=["Samples"])

    def gone_after(*told: tuple[int, int]) -> None:
        assert claims.claim(job.pk)
        progress = work._Progress(Job.objects.filter(pk=job.pk), 0, None, parts=work._parts(job))
        for done, total in told:
            progress.stored.clear()
            progress(done, total, "an image")

    gone_after((0, 9), (8, 9))  # reading the last file
    for lacking in (9, 7, 5, 3):  # measured ones are not measured again
        gone_after((0, 9), (9, 9), (0, lacking), (2, lacking))
    assert claims.claim(job.pk)
    job.refresh_from_db()
    assert (job.vain, job.least_left) == (0, 1)


def test_what_is_done_is_done_though_it_took_the_last_of_the_disk(
    settings, open_study, owner, monkeypatch
):
    job = jobs.ask(Kind.MEASURE, by=whose(owner), study=open_study)

    def measured(row: Job, progress: Any) -> str:
        monkeypatch.setattr(jobs, "KEPT_FREE", 1 << 60)
        return "All of it."

    monkeypatch.setitem(work.KINDS, Kind.MEASURE, measured)
    ended = done(job)
    assert (ended.state, ended.told) == (State.DONE, "All of it.")


def test_an_archive_tells_its_steps_and_one_that_found_no_room_is_made_once_there_is_some(
    open_study, owner, monkeypatch
):
    done(jobs.ask(Kind.REHEARSE, by=whose(owner), study=open_study, raters=2, seed=1))

    def made() -> Job:
        asked = jobs.ask(Kind.ARCHIVE, by=whose(owner), study=open_study, raters="simulated")
        return done(asked)

    monkeypatch.setattr(jobs, "KEPT_FREE", 1 << 60)
    refused = made()
    assert (refused.state, "is full" in refused.told) == (State.FAILED, True)
    monkeypatch.undo()
    there = made()
    assert (there.state, there.done, there.total, there.unit) == (State.DONE, 5, 5, "steps")
    assert there.pace == "", "one step tells nothing about another"


def test_the_time_that_is_left_counts_large_images_for_more_and_does_not_grow_while_one_is_made(
    asker,
):
    job = generating(asker)
    claims.claim(job.pk)
    progress = work._Progress(Job.objects.filter(pk=job.pk), 0, None)
    progress._look_ahead(100.0, 0, 10, 0.0)  # loaded by then: that is no image's time
    for number in range(1, 10):
        progress._look_ahead(100.0 + number, number, 10, number / 100)
        progress.latest = (number, 10, "small")
    assert progress.pace == (1.0, pytest.approx(91 / 9 * 9)), "one image of ten is 91 % of it"
    before = progress.pace
    progress._look_ahead(150.0, 9, 10, 0.09)  # the large one is begun, and told of again
    assert progress.pace == before
    progress.store()
    job.refresh_from_db()
    assert (job.pace, job.left) == ("1.0 images a second", "about 2 minutes left")


def test_outputs_weigh_as_much_as_they_have_pixels(settings, generated, asker):
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    heard: list[tuple[Any, ...]] = []
    made = outputs.generate(
        benchmarks_dir=settings.BENCHMARKS_DIR, outputs_dir=settings.OUTPUTS_DIR, sets=["Samples"],
        methods=["nearest"], progress=lambda *told: heard.append(told),
    )  # fmt: skip
    assert made.done == 5
    pixels = [
        int(np.prod(output_size(of, entry)))
        for of in [datasets.manifest("Samples", settings.BENCHMARKS_DIR)]
        for entry in of.images
    ]
    shares = [told[3] for told in heard if told[0]]
    assert shares[::2] == pytest.approx(list(np.cumsum(pixels) / sum(pixels)))


def test_a_job_that_takes_its_worker_along_again_and_again_is_given_up_with_its_reason(asker):
    job = generating(asker)

    def gone_with(done: int, total: int | None) -> None:
        """Whoever was at it came so far, and died with its worker."""
        assert claims.claim(job.pk)
        Job.objects.filter(pk=job.pk).update(done=done, total=total)

    gone_with(3, 10)
    for _ in range(5):  # further every time: a laptop that runs down
        job.refresh_from_db()
        left = (job.total or 0) - job.done
        gone_with(1, left)
    for _ in range(TRIES - 1):
        gone_with(0, 2)
    assert claims.claim(job.pk)
    job.refresh_from_db()
    assert (job.vain, job.least_left) == (TRIES - 1, 2)
    ended = done(job)
    assert ended.state == State.FAILED
    assert "gone each time with 2 images to go" in ended.told
    assert "not begun once more by itself" in ended.told
    assert jobs.again(ended, by=whose(asker)).vain is None


def test_a_clock_that_is_put_back_leaves_no_job_to_a_holder_that_is_gone(asker):
    job = generating(asker)
    claims.claim(job.pk)
    later = timezone.now() + timedelta(hours=1)
    Job.objects.update(holder="another-host 7", seen_at=later, started_at=later)
    job.refresh_from_db()
    assert job.lost
    assert job.took == timedelta()
    assert claims.is_free(job)


def test_a_rehearsal_that_was_killed_is_played_anew_to_the_same_votes(open_study, owner):
    job = jobs.ask(Kind.REHEARSE, by=whose(owner), study=open_study, raters=2, seed=3)
    assert done(job).told == "2 simulated raters have rated the study."
    scores = list(Rating.objects.order_by("trial__rater", "trial__position").values_list("score"))
    Job.objects.update(state=State.RUNNING)
    Rater.objects.order_by("pk").last().delete()
    again = done(job)
    assert (again.state, again.done, again.unit) == (State.DONE, 2, "raters")
    votes = Rating.objects.order_by("trial__rater", "trial__position").values_list("score")
    assert list(votes) == scores
    assert {deed.user for deed in Deed.objects.filter(kind=Deed.Kind.REHEARSED)} == {owner}


def test_a_study_is_given_its_figures_and_its_archive_by_jobs(open_study, owner):
    measured = done(jobs.ask(Kind.MEASURE, by=whose(owner), study=open_study))
    assert (measured.state, measured.told) == (State.DONE, "There was nothing new.")
    images = open_study.stimuli.count()
    assert (measured.done, measured.total) == (images, images)
    archive = done(jobs.ask(Kind.ARCHIVE, by=whose(owner), study=open_study, raters="people"))
    assert archive.state == State.FAILED
    assert archive.told, "nobody has rated yet, and so it is said"


def test_a_mistake_of_ours_is_a_failure_with_a_reason_and_not_a_job_for_ever(asker):
    job = done(jobs.ask(Kind.GENERATE, by=whose(asker), sets=["Samples"]))
    assert (job.state, job.told) == (
        State.FAILED, "A mistake in this program ended it (KeyError: 'methods')",
    )  # fmt: skip


def test_who_may_not_see_a_study_sees_none_of_its_jobs(open_study, owner, outsider):
    own = jobs.ask(Kind.MEASURE, by=whose(owner), study=open_study)
    common = generating(owner)
    client = signed_in(outsider)
    page = client.get(reverse("jobs")).content.decode()
    assert common.wish in page
    assert open_study.title not in page
    for name in ("job", "job_card"):
        assert client.get(reverse(name, args=[own.pk])).status_code == 404
        assert client.get(reverse(name, args=[common.pk])).status_code == 200
    assert open_study.title in signed_in(owner).get(reverse("jobs")).content.decode()


def test_a_job_is_cancelled_by_who_asked_its_researchers_and_superusers(
    open_study, owner, outsider, admin, asker
):
    own = jobs.ask(Kind.MEASURE, by=whose(admin), study=open_study)
    common = generating(asker)
    for user, job, status in (
        (outsider, own, 404), (outsider, common, 403), (owner, common, 403), (owner, own, 302),
        (asker, common, 302),
    ):  # fmt: skip
        client = signed_in(user)
        shown = client.get(reverse("job", args=[job.pk])).content.decode()
        assert (reverse("cancel_job", args=[job.pk]) in shown) == (status == 302)
        assert client.post(reverse("cancel_job", args=[job.pk])).status_code == status
        job.refresh_from_db()
        assert (job.state == State.CANCELLED) == (status == 302)
    assert signed_in(outsider).post(reverse("job_again", args=[common.pk])).status_code == 403
    answer = signed_in(admin).post(reverse("job_again", args=[common.pk]))
    assert Job.objects.due().get().get_absolute_url() == answer["Location"]


def test_pages_ask_again_while_something_is_due_and_say_when_nobody_does_it(asker):
    client = signed_in(asker)
    assert "Nothing has been asked for yet" in client.get(reverse("jobs")).content.decode()
    job = generating(asker)
    pages = [reverse("jobs"), reverse("job", args=[job.pk])]
    for page in pages:
        shown = client.get(page).content.decode()
        assert 'hx-trigger="every 1s"' in shown
        assert "Nobody is there to do it" in shown
        assert 'role="status"' not in shown, "it is asked for each second, and would be read again"
    claims.show_worker()
    Job.objects.update(
        state=State.RUNNING, done=30, total=120, started_at=timezone.now() - timedelta(seconds=60),
        seen_at=timezone.now(), unit="images", at_work_on="Samples <coffee>", rate=0.5,
        seconds_left=180,
    )  # fmt: skip
    for page in (*pages, reverse("job_card", args=[job.pk])):
        shown = client.get(page).content.decode()
        assert "30 of 120 images" in shown
        assert "0.50 images a second" in shown
        assert "about 3 minutes left" in shown
        assert "Samples &lt;coffee&gt;" in shown
        assert "Nobody is there" not in shown
    Job.objects.update(state=State.FAILED, told="The disk is full")
    for page in (*pages, reverse("job_card", args=[job.pk])):
        shown = client.get(page).content.decode()
        assert "The disk is full" in shown
        assert "hx-get" not in shown


def test_every_page_counts_jobs_that_are_not_over_and_a_done_one_leads_to_what_came_of_it(asker):
    client = signed_in(asker)
    hidden = re.compile(r'id="jobs-due"[^>]* hidden>')
    assert hidden.search(client.get(reverse("studies")).content.decode())
    job = generating(asker)
    shown = client.get(reverse("studies")).content.decode()
    assert "<span data-count>1</span>" in shown
    assert not hidden.search(shown)
    Job.objects.update(state=State.DONE, kind=Kind.ADD_SET, what={"name": "mine"})
    shown = client.get(reverse("job", args=[job.pk])).content.decode()
    assert f'href="{reverse("set_page", args=["mine"])}"' in shown


def test_what_is_over_is_shown_in_pages(asker):
    Job.objects.bulk_create(
        Job(kind=Kind.GENERATE, state=State.DONE, what={"sets": [f"set {n}"], "methods": ["x"]})
        for n in range(30)
    )
    client = signed_in(asker)
    shown = client.get(reverse("jobs")).content.decode()
    assert "set 29 " in shown
    assert "set 4 " not in shown
    assert "set 4 " in client.get(reverse("jobs"), {"page": 2}).content.decode()


def test_what_is_over_is_found_by_study_state_and_who_asked(open_study, owner, asker):
    rows = [
        Job(kind=Kind.MEASURE, state=State.FAILED, study=open_study, asked_by=owner),
        Job(kind=Kind.FETCH, state=State.DONE, what={"name": "Set5"}, asked_by=owner),
        Job(kind=Kind.FETCH, state=State.FAILED, what={"name": "Set14"}, asked_by=asker),
    ]
    Job.objects.bulk_create(rows)
    client = signed_in(owner)
    for query, shown in (
        ("", [0, 1, 2]), ("state=failed", [0, 2]), ("study=SMALL", [0]), ("mine=1", [0, 1]),
        ("mine=1&state=done", [1]), ("study=none", []),
    ):  # fmt: skip
        page = client.get(f"{reverse('jobs')}?{query}").content.decode()
        assert [n for n, row in enumerate(rows) if f"{row.wish}</a>" in page] == shown, query
        assert ("No job was found." in page) == (not shown)
    assert client.get(f"{reverse('jobs')}?state=x").status_code == 400


def test_a_draft_that_is_deleted_takes_its_jobs_along(draft_study, asker):
    job = jobs.ask(Kind.MEASURE, by=whose(asker), study=draft_study)
    draft_study.delete()
    assert not Job.objects.filter(pk=job.pk).exists()
    assert work.carry_out(job.pk, explain=sentence) is None


def test_a_researcher_has_figures_taken_over_and_an_open_study_rehearsed(client, open_study, owner):
    client.force_login(owner)
    asked = client.post(reverse("measure", args=[open_study.slug]))
    assert asked.headers["Location"] == Job.objects.get(kind=Job.Kind.MEASURE).get_absolute_url()
    client.post(reverse("rehearse", args=[open_study.slug]), {"raters": 3, "seed": 5})
    job = Job.objects.get(kind=Job.Kind.REHEARSE)
    assert (job.study, job.what) == (open_study, {"raters": 3, "seed": 5})
    assert job.wish in client.get(open_study.get_absolute_url()).content.decode()


def test_a_draft_and_a_number_that_cannot_be_played_are_refused(client, draft_study, outsider):
    draft_study.researchers.add(outsider)
    client.force_login(outsider)
    client.post(reverse("rehearse", args=[draft_study.slug]), {"raters": 3, "seed": 5})
    studies.open_(draft_study)
    client.post(reverse("rehearse", args=[draft_study.slug]), {"raters": 3000, "seed": 5})
    assert not Job.objects.exists()
