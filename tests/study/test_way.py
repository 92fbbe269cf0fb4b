"""The way through a study: every page in its order, held by the server, and every end."""

from __future__ import annotations

import datetime
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from study import results, screening, sessions, sittings, studies, texts
from study.models import Anchor, Rater, Rating, Screening, Session, Study, Trial
from study.ratings import Refused, cast

WINDOW = {
    "device_pixel_ratio": "1",
    "viewport_width": "1600",
    "viewport_height": "1000",
    "screen_width": "1920",
    "screen_height": "1080",
    "zoom": "1",
    "touch": "",
    "vision": "corrected",
}
SCREENS = {
    "screen_device": True,
    "screen_window": True,
    "screen_vision": True,
    "plates": 4,
    "plate_errors": 1,
}


@pytest.fixture
def come(draft_study, calibration_dir, settings):
    """Opens the small study under a protocol; returns a browser that followed a link to it."""
    settings.CALIBRATION_DIR = calibration_dir

    def follow(**protocol) -> Client:
        studies.set_protocol(draft_study, protocol)
        draft_study.save()
        studies.open_(draft_study)
        client = Client()
        client.get(studies.invite(draft_study, 1)[0].get_absolute_url())
        return client

    return follow


def due(client: Client) -> str:
    """The template of the page that is due."""
    response = client.get(reverse("rate"))
    names = [template.name for template in response.templates if template.name]
    return names[0].removeprefix("study/rater/").removesuffix(".html")


def answers(**changed):
    rater = Rater.objects.get()
    own = screening.plates_of(rater)
    return {**WINDOW, **{f"plate{i}": str(p.number) for i, p in enumerate(own)}, **changed}


def vote(rater: Rater, score: int | None = None, **more) -> Trial:
    """Answer the trial that is due: as an anchor asks for, unless told otherwise."""
    rater.refresh_from_db()
    trial = Trial.objects.get(rater=rater, position=rater.position)
    value = score or trial.anchor or 3
    cast(rater, token=trial.token, score=value, client_id=uuid.uuid4(), **more)
    return trial


def vote_all(rater: Rater, score: int | None = None) -> int:
    """Answer until another page is due; returns how many answers that were."""
    count = 0
    while True:
        rater.refresh_from_db()
        if not sessions.standing(rater)["trials"]:
            return count
        vote(rater, score)
        count += 1


def go_on(client: Client) -> None:
    assert client.post(reverse("begin"))["Location"] == reverse("rate")


def test_the_whole_way_from_the_link_to_the_completion_code(come):
    client = come(**SCREENS, calibrate=True, first_stabilising=1, sessions=2, break_minutes=0)
    assert due(client) == "welcome"
    client.post(reverse("start"))
    assert due(client) == "screening"
    client.post(reverse("screening"), answers())
    assert due(client) == "instructions"
    go_on(client)
    rater = Rater.objects.get()
    assert due(client) == "rate"
    assert vote_all(rater) == 2 * 2 + 6
    assert due(client) == "break"
    go_on(client)
    assert due(client) == "rate"
    first = vote_all(rater)
    assert due(client) == "break"
    go_on(client)
    second = vote_all(rater)
    assert due(client) == "done"
    stabilising = Trial.objects.filter(kind=Trial.Kind.STABILISING).count()
    assert first + second == 6 + stabilising
    assert stabilising >= 1
    rater.refresh_from_db()
    assert (rater.stage, rater.completion_code[:2]) == (Rater.Stage.FINISHED, "F-")
    assert rater.completion_code.encode() in client.get(reverse("rate")).content


def test_any_address_leads_to_the_page_that_is_due(come):
    client = come(**SCREENS)
    for name in ("start", "screening", "begin"):
        assert client.get(reverse(name))["Location"] == reverse("rate")
    for name in ("screening", "begin"):  # before anybody has agreed to anything
        assert client.post(reverse(name), WINDOW)["Location"] == reverse("rate")
    assert not Rater.objects.exists()
    client.post(reverse("start"))
    go_on(client)  # the instructions are not due yet: nothing is skipped
    assert due(client) == "screening"
    assert not Trial.objects.exists()


def test_a_short_study_has_one_page_before_the_images(come):
    client = come()
    assert b"What to do" in client.get(reverse("rate")).content
    client.post(reverse("start"))
    assert due(client) == "rate"


def test_what_was_agreed_to_and_read_is_stored_word_for_word(come):
    client = come(consent="I *agree*.", instructions="Look.\n\n<script>")
    html = client.get(reverse("rate")).content.decode()
    assert "I <em>agree</em>." in html
    assert "<p>&lt;script&gt;</p>" in html
    client.post(reverse("start"))
    rater = Rater.objects.get()
    assert (rater.consent.text, rater.instructions.text) == ("I *agree*.", "Look.\n\n<script>")
    assert len(rater.consent.sha256) == 64


def test_a_standard_text_is_stored_in_the_language_in_which_it_was_shown(come):
    client = come()
    client.post(reverse("start"), headers={"Accept-Language": "de"})
    text = Rater.objects.get().consent
    assert text.language == "de"
    assert text.text != texts.CONSENT


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"viewport_width": "300"}, "window"),
        ({"viewport_height": "300"}, "window"),
        ({"touch": "on"}, "device"),
    ],
)
def test_what_can_be_mended_is_said_and_can_be_tried_again(come, changed, reason):
    client = come(**SCREENS)
    client.post(reverse("start"))
    response = client.post(reverse("screening"), answers(**changed))
    assert response.status_code == 422
    assert str(screening.REASONS[reason])[:40] in response.content.decode()
    assert due(client) == "screening"
    client.post(reverse("screening"), answers())
    assert due(client) == "rate" or due(client) == "instructions"
    assert [row.refusal for row in Screening.objects.all()] == [reason, ""]
    assert Screening.objects.last().answers["viewport_width"] == 1600


def test_a_telephone_is_known_by_its_name_too(come):
    client = come(**SCREENS)
    client.post(reverse("start"))
    headers = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148"}
    assert client.post(reverse("screening"), answers(), headers=headers).status_code == 422


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"vision": "not"}, "vision"),
        ({"vision": ""}, "vision"),
        ({"plate1": "", "plate2": "9"}, "plates"),
    ],
)
def test_whoever_cannot_take_part_is_told_why_and_gets_a_code_that_says_so(come, changed, reason):
    client = come(**SCREENS)
    client.post(reverse("start"))
    client.post(reverse("screening"), answers(**changed))
    rater = Rater.objects.get()
    assert (rater.stage, rater.refusal) == (Rater.Stage.SCREENED_OUT, reason)
    assert rater.completion_code.startswith("S-")
    html = client.get(reverse("rate")).content.decode()
    assert str(screening.REASONS[reason])[:40] in html
    assert rater.completion_code in html
    client.post(reverse("screening"), answers())
    assert due(client) == "screened_out"


def test_a_plate_may_be_misread_as_often_as_the_study_allows(come):
    client = come(**SCREENS)
    client.post(reverse("start"))
    client.post(reverse("screening"), answers(plate1="8"))
    assert Rater.objects.get().stage == Rater.Stage.INSTRUCTIONS


def test_a_screening_without_the_browsers_figures_is_refused(come):
    client = come(**SCREENS)
    client.post(reverse("start"))
    response = client.post(reverse("screening"), {"vision": "plain"})
    assert response.status_code == 400
    assert b"JavaScript" in response.content
    assert not Screening.objects.exists()


def test_plates_are_shown_to_their_rater_alone_and_their_files_hold_dots_alone(come):
    client = come(**SCREENS)
    client.post(reverse("start"))
    content = client.get(reverse("plate", args=[0])).content
    assert content[:4] == b"\x89PNG"
    assert content == client.get(reverse("plate", args=[0])).content
    assert client.get(reverse("plate", args=[4])).status_code == 404
    assert Client().get(reverse("plate", args=[0])).status_code == 401


# ---- Calibration ----


def test_the_examples_are_the_worst_and_the_original_and_the_check_is_on_others(come):
    client = come(calibrate=True)
    client.post(reverse("start"))
    go_on(client)
    rows = list(Trial.objects.order_by("position").select_related("stimulus__method"))
    assert [row.kind for row in rows] == ["example"] * 4 + ["check"] * 6
    assert {(row.anchor, row.stimulus.method.name) for row in rows} == {(1, "nearest"), (5, "hr")}
    assert [row.anchor for row in rows[:4]] == [1, 5, 1, 5]
    shown, asked = ({row.stimulus.source_id for row in part} for part in (rows[:4], rows[4:]))
    assert (len(shown), len(asked)) == (2, 6)
    assert shown.isdisjoint(asked)
    rated = set(rows[0].rater.study.stimuli.values_list("source", flat=True))
    assert rated.isdisjoint(shown | asked)


def test_calibration_cannot_be_skipped(come):
    client = come(calibrate=True)
    client.post(reverse("start"))
    go_on(client)
    go_on(client)
    rater = Rater.objects.get()
    assert (rater.stage, rater.position) == (Rater.Stage.CALIBRATION, 0)
    example = Trial.objects.get(position=0)
    with pytest.raises(Refused, match="another category"):
        cast(rater, token=example.token, score=5, client_id=uuid.uuid4())
    assert not Trial.objects.filter(anchor=None).exists(), "there is nothing else to vote on"


def test_a_check_is_passed_within_a_point_and_its_result_stored(come):
    client = come(calibrate=True, calibration_errors=0)
    client.post(reverse("start"))
    go_on(client)
    rater = Rater.objects.get()
    for _ in range(4):
        vote(rater)
    for _ in range(6):
        rater.refresh_from_db()
        anchor = Trial.objects.get(rater=rater, position=rater.position).anchor
        vote(rater, 2 if anchor == 1 else 4)
    session = Session.objects.get(calibration=True)
    assert (session.mistakes, session.passed) == (0, True)
    assert due(client) == "break"
    assert Rating.objects.counted().count() == 0
    told = results.calibration(rater.study)
    assert told == {
        "calibrates": True, "passed": [(1, 1)], "mistakes": 0, "checks": 6, "refused": [],
    }  # fmt: skip


def test_a_failed_check_is_repeated_on_other_images_then_ends(come):
    client = come(
        calibrate=True, calibration_attempts=2, calibration_examples=1, calibration_checks=2
    )
    client.post(reverse("start"))
    go_on(client)
    rater = Rater.objects.get()

    def fail():
        vote(rater)
        vote(rater)
        vote(rater, 3)
        vote(rater, 3)

    fail()
    assert due(client) == "break"
    assert b"Once more" in client.get(reverse("rate")).content
    go_on(client)
    first, second = (
        set(Trial.objects.filter(session__number=n).values_list("stimulus__source", flat=True))
        for n in (1, 2)
    )
    assert first.isdisjoint(second)
    fail()
    assert due(client) == "screened_out"
    assert Rater.objects.get().refusal == "calibration"
    assert [s.mistakes for s in Session.objects.order_by("number")] == [2, 2]
    told = results.calibration(Study.objects.get())
    assert (told["passed"], told["refused"]) == ([], [{"reason": "calibration", "raters": 1}])


def test_a_study_that_calibrates_does_not_open_without_images_for_it(
    draft_study, settings, tmp_path
):
    studies.set_protocol(draft_study, {"calibrate": True})
    draft_study.save()
    with pytest.raises(ValueError, match="CALIBRATION_DIR is not set"):
        studies.open_(draft_study)
    settings.CALIBRATION_DIR = tmp_path / "nothing"
    with pytest.raises(ValueError, match="holds 0 images"):
        studies.open_(draft_study)
    assert not Anchor.objects.exists()


def test_images_that_are_rated_do_not_calibrate(draft_study, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    for place, stimulus in enumerate(draft_study.stimuli.filter(method__name="hr")):
        for copy in range(4):
            (folder / f"{place}{copy}.png").write_bytes(stimulus.path.read_bytes())
    studies.set_protocol(draft_study, {"calibrate": True, "calibration_folder": str(folder)})
    draft_study.save()
    with pytest.raises(ValueError, match="calibrate on other images"):
        studies.open_(draft_study)
    assert Study.objects.get().state == Study.State.DRAFT


# ---- Sessions ----


def later(session: Session, **ago) -> None:
    """As if the latest sign of life of ``session`` lay so long ago."""
    then = timezone.now() - datetime.timedelta(**ago)
    Session.objects.filter(pk=session.pk).update(seen_at=then)


@pytest.fixture
def timed(come):
    """A rater in a session of one minute with six trials, and their browser."""
    client = come(session_minutes=1, break_minutes=5, later_stabilising=1, sessions=1)
    client.post(reverse("start"))
    return Rater.objects.get(), client


def test_time_is_counted_by_the_server_and_an_absence_is_cut_short(timed):
    rater, _ = timed
    session = Session.objects.get()
    vote(rater)
    for ago, counted in (({"seconds": 7}, 7_000), ({"hours": 5}, 37_000)):
        later(session, **ago)
        vote(rater)
        session.refresh_from_db()
        assert session.active_ms == pytest.approx(counted, abs=1500)
    assert session.ended_at is None


def test_a_session_ends_at_a_trial_border_when_its_time_is_up(timed):
    rater, client = timed
    session = Session.objects.get()
    vote(rater)
    for ahead in (5, 4, 1):  # all that are left, until the time is nearly up
        rater.refresh_from_db()
        assert len(sessions.standing(rater)["trials"]) == ahead
        if ahead > 1:
            later(session, seconds=25)
            vote(rater)
    later(session, seconds=25)
    vote(rater)
    assert due(client) == "break"
    assert client.get(reverse("upcoming")).json()["trials"] == []
    trial = Trial.objects.get(position=rater.position + 1)
    assert client.get(reverse("image", args=[trial.token])).status_code == 200


def test_answers_that_were_waiting_in_the_browser_are_taken_after_the_time_is_up(timed):
    rater, client = timed
    session = Session.objects.get()
    Session.objects.update(active_ms=59_000, seen_at=timezone.now() - datetime.timedelta(seconds=9))
    vote(rater, waiting=True)
    session.refresh_from_db()
    assert session.ended_at is None, "the browser said that another answer waits"
    vote(rater)
    session.refresh_from_db()
    assert session.ended_at is not None
    vote(rater)  # was on its way when the server said that the time is up
    assert Rating.objects.count() == 3
    assert due(client) == "break"


def test_after_the_break_what_is_left_goes_on_behind_stabilising_trials(timed):
    rater, client = timed
    before = list(Trial.objects.order_by("position").values_list("stimulus", flat=True))
    Session.objects.update(active_ms=59_000, seen_at=timezone.now() - datetime.timedelta(seconds=9))
    vote(rater)
    go_on(client)
    assert due(client) == "break", "five minutes are not over"
    assert b"You can go on in <strong>5 minutes</strong>" in client.get(reverse("rate")).content
    Session.objects.update(ended_at=timezone.now() - datetime.timedelta(minutes=5))
    go_on(client)
    assert due(client) == "rate"
    trials = list(Trial.objects.order_by("position"))
    assert [t.position for t in trials] == list(range(7))
    assert trials[1].kind == Trial.Kind.STABILISING
    assert [t.stimulus_id for t in trials if t.kind == Trial.Kind.MAIN] == before
    assert [t.session.number for t in trials] == [1] + [2] * 6
    assert vote_all(rater) == 6
    assert due(client) == "done"


def test_sittings_that_follow_a_split_one_are_numbered_on(come):
    client = come(session_minutes=1, break_minutes=0, later_stabilising=1, sessions=2)
    client.post(reverse("start"))
    rater = Rater.objects.get()
    vote(rater)
    rater.refresh_from_db()
    sittings.split(rater, Session.objects.get(number=1))
    rows = Trial.objects.order_by("position").values_list("session__number", flat=True)
    assert list(rows) == sorted(rows)
    assert set(rows) == {1, 2, 3}


def test_images_of_a_session_that_has_not_begun_are_not_given_away(come):
    client = come(sessions=2, break_minutes=5)
    client.post(reverse("start"))
    later_one = Trial.objects.filter(session__number=2).order_by("position").first()
    Rater.objects.update(position=later_one.position - 1)
    assert client.get(reverse("image", args=[later_one.token])).status_code == 404
    told = client.get(reverse("upcoming")).json()["trials"]
    assert later_one.token not in [trial["token"] for trial in told]


def test_stabilising_trials_are_stored_and_never_counted(come, django_user_model):
    client = come(first_stabilising=2)
    owner = django_user_model.objects.create_user("owner")
    Study.objects.get().researchers.add(owner)
    client.post(reverse("start"))
    rater = Rater.objects.get()
    assert vote_all(rater) == 8
    assert Rating.objects.count() == 8
    assert len(Rating.objects.cells(rater.study, simulated=False)) == 6
    client.force_login(owner)
    client.post(reverse("look", args=["small"]))
    lines = client.get("/studies/small/ratings.csv").content.decode().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) == 1 + 6


# ---- Leaving ----


@pytest.mark.parametrize("answer", ["keep", "delete"])
def test_a_rater_can_stop_at_any_time_and_have_everything_deleted(come, answer):
    client = come()
    client.post(reverse("start"))
    rater = Rater.objects.get()
    vote(rater)
    assert client.get(reverse("leave")).status_code == 200
    assert Rating.objects.count() == 1, "asking deletes nothing"
    client.post(reverse("leave"), {"answers": answer})
    rater.refresh_from_db()
    assert (rater.stage, rater.completion_code[:2]) == (Rater.Stage.WITHDRAWN, "W-")
    assert due(client) == "left"
    kept = answer == "keep"
    assert (Rating.objects.exists(), Trial.objects.exists(), Session.objects.exists()) == (
        kept,
    ) * 3
    if kept:
        trial = Trial.objects.get(position=1)
        with pytest.raises(Refused):
            cast(rater, token=trial.token, score=3, client_id=uuid.uuid4())
        client.post(reverse("leave"), {"answers": "delete"})
        assert not Rating.objects.exists()


def test_who_has_finished_can_have_the_answers_deleted_and_keeps_the_code(come):
    client = come()
    client.post(reverse("start"))
    rater = Rater.objects.get()
    vote_all(rater)
    rater.refresh_from_db()
    code = rater.completion_code
    client.post(reverse("leave"), {"answers": "delete"})
    rater.refresh_from_db()
    assert (rater.stage, rater.completion_code) == (Rater.Stage.WITHDRAWN, code)
    assert code.startswith("F-")
    assert not Rating.objects.exists()


# ---- Rules ----


@pytest.mark.parametrize(
    ("protocol", "sentence"),
    [
        ({"session_minutes": 31}, "session_minutes=31"),
        ({"plates": -1}, "plates=-1"),
        ({"language": "fr"}, "language=fr"),
        ({"colour": 1}, "no setting 'colour'"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(draft_study, protocol, sentence):
    with pytest.raises(ValueError, match=sentence):
        studies.set_protocol(draft_study, protocol)


@pytest.mark.parametrize(("said", "meant"), [("true", True), ("False", False), ("1", True)])
def test_yes_and_no_are_taken_as_people_write_them(draft_study, said, meant):
    studies.set_protocol(draft_study, {"screen_vision": said})
    assert draft_study.screen_vision is meant


@pytest.mark.parametrize("protocol", [{"share": 7}, {"retests": 7}, {"sessions": 7}])
def test_a_study_too_small_for_its_rules_is_not_opened(draft_study, protocol):
    studies.set_protocol(draft_study, protocol)
    draft_study.save()
    with pytest.raises(ValueError, match=next(iter(protocol))):
        studies.open_(draft_study)


def test_the_protocol_is_frozen_with_the_study(open_study):
    for name in Study.PROTOCOL:
        assert name in Study.FROZEN
    open_study.plates = 6
    with pytest.raises(Exception, match="frozen"):
        open_study.save()


def test_every_rule_of_the_protocol_is_a_setting_that_can_be_frozen():
    own = {field.name for field in Study._meta.get_fields() if field.concrete}
    base = {"id", "slug", "title", "state", "created_at", "opened_at", "closed_at",
            "stimuli_sha256", "stimuli", "researchers"}  # fmt: skip
    assert set(Study.PROTOCOL) <= own
    from study.models.protocol import Protocol

    assert {field.name for field in Protocol._meta.get_fields()} == set(Study.PROTOCOL)
    assert base <= own


def test_a_share_is_dealt_out_evenly_over_raters_who_are_still_there(come):
    come(share=3)
    study = Study.objects.get()
    gone = sessions.enrol(studies.invite(study, 1)[0])
    sessions.withdraw(gone, erase=False)
    raters = [sessions.enrol(invitation) for invitation in studies.invite(study, 4)]
    for rater in raters:
        vote_all(rater)
    counts = [
        Rating.objects.filter(trial__stimulus=stimulus).count() for stimulus in study.stimuli.all()
    ]
    assert counts == [2] * 6


def test_markdown_brings_no_html_no_images_and_no_script():
    assert "<img" not in texts.html("<img src=x> ![a](https://elsewhere.example/pixel.png)")
    assert "href" not in texts.html("[a](javascript:alert(1))")
    assert '<a href="https://a.example">' in texts.html("[a](https://a.example)")
