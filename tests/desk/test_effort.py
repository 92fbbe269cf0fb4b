"""How many images, minutes and sessions a rater is in for: one estimate, wherever it is told."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from django.test import Client

from study.desk import letters, links, studies
from study.models import Letter, Study
from study.plan import Item, plan
from study.rating import sessions
from tests.desk.test_drafts import page, signed_in, text

SHOWN = "/studies/small/edit/shown"


@pytest.mark.parametrize(("sources", "methods"), [(1, 2), (2, 3), (5, 5), (40, 9)])
def test_the_estimate_is_what_a_plan_deals_in_every_combination(sources, methods):
    items = [Item(source, method) for source in range(sources) for method in range(methods)]
    for share, retests, sittings, opening in product(
        (None, 1, 7, 10_000), (0, 1, 30), (None, 1, 3, 50), ((5, 3), (0, 0), (20, 20))
    ):
        study = Study(
            share=share, retests=retests, sessions=sittings,
            first_stabilising=opening[0], later_stabilising=opening[1],
        )  # fmt: skip
        told = study.effort(len(items))
        made = plan(items, seed=1, rules=study.rules(len(items)))
        asked = (share, retests, sittings, opening)
        assert told["total"] == len(made.trials), asked
        assert told["sessions"] == len(made.proof.session_lengths), asked


def test_minutes_are_of_all_that_a_rater_looks_at_and_of_reading():
    study = Study(first_stabilising=5, plates=0, calibrate=False)
    assert study.effort(25) == {"total": 30, "calibration": 0, "minutes": 4, "sessions": 1}
    study.calibrate, study.plates = True, 10
    assert study.effort(25) == {"total": 30, "calibration": 10, "minutes": 6, "sessions": 1}


@pytest.fixture
def told(open_study, settings, generated) -> dict[str, Any]:
    """What raters of a study with a calibration of ten images are in for."""
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    Study.objects.update(
        calibrate=True, retests=2, sessions=2, later_stabilising=2, first_stabilising=1
    )
    open_study.refresh_from_db()
    return open_study.effort_each()


def test_researchers_letters_and_raters_are_told_the_same(open_study, told):
    assert told == {"total": 11, "calibration": 10, "minutes": 3, "sessions": 2}
    [invitation] = links.invite(open_study, 1)
    rater = Client()
    said = text(rater.get(invitation.get_absolute_url(), follow=True))
    words = re.sub(r"<[^>]*>|\s+", " ", said)
    for each in (
        r"There are +11 images", r"10 +before them show what the answers mean",
        r"takes about +3 minutes", r"into +2 sessions", r"a break of 10 minutes at least",
    ):  # fmt: skip
        assert re.search(each, words), each
    assert (
        "11 images, and 10 before that show what the answers mean; all together takes about 3"
        in (letters.standard(open_study, Letter.Kind.INVITE, "en").body)
    )
    stored = sessions.enrol(links.invite(open_study, 1)[0])
    _, made = sessions.planned(stored.study, seed=1)
    assert len(made.trials) == told["total"]


def test_what_is_computed_while_somebody_clicks_is_what_raters_are_told(
    draft_study, settings, generated
):
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    anna = signed_in("anna", draft_study)
    for protocol in (
        {}, {"share": 3}, {"share": 3, "retests": 3}, {"sessions": 4, "later_stabilising": 20},
        {"calibrate": True, "plates": 6},
    ):  # fmt: skip
        Study.objects.update(**protocol)
        draft_study.refresh_from_db()
        effort = draft_study.effort_each()
        for said in (anna.get(SHOWN), anna.post(f"{SHOWN}?check", page(anna, SHOWN))):
            figures = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text(said)))
            names = {"total": "For each rater", "minutes": "Minutes", "sessions": "Sessions"}
            assert {k: figures[name] for k, name in names.items()} == {
                k: str(effort[k]) for k in names
            }, protocol
            assert figures.get("Calibration", "0") == str(effort["calibration"])


def test_sessions_and_shares_say_what_they_come_to_while_somebody_types(draft_study):
    anna, address = signed_in("anna", draft_study), "/studies/small/edit/sessions"
    sent = page(anna, address) | {"share": "4", "sessions": "2", "later_stabilising": "1"}
    said = text(anna.post(f"{address}?check", sent)).split('id="effort"')[1]
    assert re.findall(r"<dd>(.*?)</dd>", said) == ["5", "2", "2"]
    assert "<dd>" not in text(anna.post(f"{address}?check", sent | {"share": "-4"}))


def test_a_preset_says_what_its_draft_says(client, settings, benchmarks_dir, calibration_dir, db):
    from django.contrib.auth.models import User

    from study.desk import beginning
    from study.models.deeds import By

    settings.BENCHMARKS_DIR, settings.CALIBRATION_DIR = benchmarks_dir, calibration_dir
    vera = User.objects.create_user("vera")
    for preset in beginning.presets():
        made = studies.draft(preset["name"], title="T", by=By(vera, "vera"), preset=preset["name"])
        client.force_login(vera)
        figures = dict(
            re.findall(
                r"<dt>(.*?)</dt><dd>(.*?)</dd>",
                text(client.get(f"/studies/{made.slug}/edit/shown")),
            )
        )
        names = {
            "images": "Images in the study", "total": "For each rater",
            "calibration": "Calibration", "minutes": "Minutes", "sessions": "Sessions",
        }  # fmt: skip
        assert {k: figures[name] for k, name in names.items()} == {k: str(preset[k]) for k in names}
