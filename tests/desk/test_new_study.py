"""A new study in the browser: the same as by command, or as another, or empty; never half made."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from study.desk import beginning, shown, stimuli, studies
from study.desk.presets import PRESETS
from study.models import Deed, Study
from tests.desk.test_drafts import page, signed_in, text

ADDRESS = "/new-study/"


@pytest.fixture
def vera(db) -> Client:
    """Somebody with an account and no study."""
    client = Client()
    client.force_login(User.objects.create_user("vera", password="vera-password"))
    return client


def what(study: Study) -> dict[str, object]:
    """All that raters would be shown of a study, and all that the analysis is told."""
    settings = {name: getattr(study, name) for name in (*Study.PROTOCOL, *Study.DECLARED)}
    files = {each.sha256: each.path.read_bytes() for each in study.stimuli.all()}
    return {**settings, "files": files, "rows": [*shown.rows(study)]}


def test_the_quick_preset_makes_the_same_study_as_the_command(vera, settings, benchmarks_dir):
    settings.BENCHMARKS_DIR = benchmarks_dir
    made = vera.post(ADDRESS, {"title": "By hand", "slug": "by-hand", "start": "quick"})
    assert made["Location"] == "/studies/by-hand/edit/shown"
    by_hand = Study.objects.get()
    assert by_hand.stimuli.count() == 0
    stimuli.make_outputs(["Set5"], PRESETS["quick"].methods, progress=False)
    vera.post(made["Location"], page(vera, made["Location"]))
    by_command = studies.create("by-command", preset="quick")
    assert what(by_hand) == what(by_command)
    for study in (by_hand, by_command):
        studies.open_(study)
    assert by_hand.stimuli_sha256 == by_command.stimuli_sha256
    assert [user.username for user in by_hand.researchers.all()] == ["vera"]
    deed = Deed.objects.filter(about="by-hand").first()
    assert (deed.kind, deed.account, deed.details["preset"]) == ("created", "vera", "quick")


def test_a_preset_whose_sets_are_not_here_says_so_and_makes_its_draft(vera, settings, tmp_path):
    settings.BENCHMARKS_DIR = tmp_path
    assert "Set5, Set14, BSD100 are not here" in text(vera.get(ADDRESS))
    vera.post(ADDRESS, {"title": "Like the paper", "start": "ledig2017"})
    study = Study.objects.get(slug="like-the-paper")
    assert (study.plates, study.calibrate, shown.count(study)) == (6, True, 1009)
    assert "srgan-mse" not in study.wanted["BSD100"]["methods"]
    assert vera.get("/studies/like-the-paper/edit/shown").status_code == 200


def test_from_scratch_shows_nothing_and_does_not_open(vera):
    vera.post(ADDRESS, {"title": "Mine", "slug": "mine", "start": "nothing"})
    study = Study.objects.get()
    assert (study.wanted, study.stimuli.count()) == ({}, 0)
    assert vera.get("/studies/mine/edit/shown").status_code == 200
    with pytest.raises(ValueError, match="has no stimuli"):
        studies.open_(study)


def test_a_copy_has_everything_but_raters_links_and_votes(rater, owner):
    source = rater.study
    source.researchers.add(User.objects.create_user("colleague"))
    client = Client()
    client.force_login(owner)
    assert client.get("/studies/small/copy")["Location"] == "/new-study/?copy=small"
    said = client.get("/new-study/?copy=small")
    assert '<option value="small" selected>' in text(said)
    client.post(ADDRESS, {"title": "Again", "start": "copy", "copied": "small"})
    copied = Study.objects.get(slug="again")
    assert what(copied) == what(source)
    assert set(copied.researchers.all()) == set(source.researchers.all())
    assert not copied.invitations.exists()
    assert not copied.rater_set.exists()
    assert copied.state == Study.State.DRAFT
    deed = Deed.objects.get(kind=Deed.Kind.COPIED)
    assert (deed.about, deed.details["source"]) == ("again", "small")
    studies.open_(copied)
    assert copied.stimuli_sha256 == source.stimuli_sha256


def test_an_opened_study_is_copied_image_by_image_whatever_is_made_by_now(
    open_study, owner, settings, tmp_path, generated
):
    settings.OUTPUTS_DIR = tmp_path / "others"
    client = Client()
    client.force_login(owner)
    client.post(ADDRESS, {"title": "Again", "start": "copy", "copied": "small"})
    copied = Study.objects.get(slug="again")
    assert (copied.wanted, what(copied)) == (None, what(open_study))


def test_a_copy_of_a_draft_has_its_wish(draft_study, settings, generated, tmp_path):
    anna = signed_in("anna", draft_study)
    Study.objects.update(wanted=shown.wish({"Samples": ["srgan", "hr"]}), consent="Ours")
    anna.post(ADDRESS, {"title": "Again", "start": "copy", "copied": "small"})
    copied = Study.objects.get(slug="again")
    assert copied.wanted == {"Samples": {"methods": ["srgan", "hr"], "without": []}}
    assert copied.consent == "Ours"
    assert shown.lacking(copied) == {("Samples", "srgan"): 5}


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"title": "", "start": "quick"}, "This field is required"),
        ({"title": "x" * 201, "start": "quick"}, "at most 200 characters"),
        ({"title": "A", "slug": "small", "start": "quick"}, "There is a study small already"),
        (
            {"title": "A", "slug": "no name", "start": "quick"},
            "Letters, digits, hyphens and underscores only",
        ),
        ({"title": "A", "start": "nonsense"}, "nonsense is not one of the available choices"),
        ({"title": "A", "start": "copy"}, "Choose the study to copy"),
        ({"title": "A", "start": "copy", "copied": "small"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_stored(vera, open_study, sent, sentence):
    said = vera.post(ADDRESS, sent)
    assert said.status_code == 400
    assert sentence in text(said)
    assert Study.objects.get() == open_study


def test_names_are_made_of_titles_and_no_two_are_alike(db):
    names = []
    for _ in range(3):
        names.append(beginning.slug_of("Größer: is it – better?"))
        Study.objects.create(slug=names[-1], title="T")
    assert names == ["groer-is-it-better", "groer-is-it-better-2", "groer-is-it-better-3"]
    assert beginning.slug_of("???") == "study"
    assert len(beginning.slug_of("long " * 40)) <= beginning.LONGEST_SLUG


def test_somebody_without_studies_is_led_to_a_new_one_and_no_stranger_to_anothers(
    vera, open_study, client
):
    said = text(vera.get("/studies/"))
    assert 'href="/new-study/"' in said
    assert "manage.py" not in said
    assert "A small study" not in text(vera.get("/new-study/?copy=small"))
    assert vera.get("/studies/small/copy").status_code == 404
    assert client.get(ADDRESS)["Location"].startswith("/login/")
    assert client.post(ADDRESS, {"title": "A", "start": "quick"})["Location"].startswith("/login/")
