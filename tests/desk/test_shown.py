"""What a draft shows is wished for in a matrix, and rows are laid of it as outputs come."""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from study.desk import shown, stimuli, studies, work
from study.models import Deed, Job, Study
from study.models.deeds import By
from tests.desk.test_drafts import filled, page, signed_in, text

ADDRESS = "/studies/small/edit/shown"


@pytest.fixture
def anna(draft_study, settings, generated, tmp_path) -> Client:
    """A researcher of the study, at a site whose outputs are its own."""
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    shutil.copytree(generated / "outputs", tmp_path / "outputs")
    settings.OUTPUTS_DIR = tmp_path / "outputs"
    return signed_in("anna", draft_study)


def cells(*methods: str, of: str = "Samples") -> list[str]:
    return [f"{of} {method}" for method in methods]


def rows(study: Study) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, method, _ in shown.rows(study):
        found[method] = found.get(method, 0) + 1
    return found


def sums(response: Any) -> list[str]:
    """The figures on the page: images, for a rater, minutes, sessions, not made."""
    return re.findall(r"<dd>(.*?)</dd>", text(response).split('id="sums"')[1])


def test_rows_that_nobody_wished_for_are_shown_as_they_are_and_stay(anna, draft_study):
    before = set(draft_study.stimuli.values_list("sha256", flat=True))
    said = anna.get(ADDRESS)
    assert sums(said) == ["6", "6", "2", "1", "0"]
    assert "was made image by image" in text(said)
    sent = page(anna, ADDRESS)
    assert sorted(sent["cell"]) == sorted(cells("nearest", "bicubic", "hr"))
    assert len(sent["image"]) == 2
    small = re.findall(r'<img src="([^"]*)"', text(said))
    assert len(small) == 5
    assert anna.get(small[0])["Content-Type"] == "image/webp"
    assert anna.post(ADDRESS, sent).status_code == 302
    draft_study.refresh_from_db()
    assert draft_study.wanted is None
    assert set(draft_study.stimuli.values_list("sha256", flat=True)) == before


def test_a_cell_that_is_shown_in_part_says_how_many(anna, draft_study):
    one = draft_study.studystimulus_set.filter(stimulus__method__name="bicubic").first()
    one.delete()
    assert re.search(
        r"Samples bicubic:</span>\s*<span class=\"part\">1 of 2<", text(anna.get(ADDRESS))
    )


def test_what_is_chosen_is_laid_and_what_is_not_wished_for_goes(anna, draft_study):
    sent = page(anna, ADDRESS) | {"cell": cells("nearest", "hr")}
    names = [entry.name for entry in shown.known_sets({"Samples"})["Samples"].images]
    sent["image"] = [f"Samples/{name}" for name in names[1:]]
    checked = anna.post(f"{ADDRESS}?check", sent)
    assert sums(checked) == ["8", "8", "2", "1", "0"]
    draft_study.refresh_from_db()
    assert draft_study.wanted is None
    assert rows(draft_study) == {"nearest": 2, "bicubic": 2, "hr": 2}
    assert anna.post(ADDRESS, sent).status_code == 302
    draft_study.refresh_from_db()
    assert draft_study.wanted == {"Samples": {"methods": ["nearest", "hr"], "without": names[:1]}}
    assert rows(draft_study) == {"nearest": 4, "hr": 4}
    told = [deed.details for deed in Deed.objects.filter(kind=Deed.Kind.CHANGED)]
    assert told[0] == {"wanted": ["as it was made", f"Samples by nearest, hr, without {names[0]}"]}
    assert told[1]["stimuli"] == [6, 8]
    shown.lay(draft_study)
    assert Deed.objects.filter(kind=Deed.Kind.CHANGED).count() == 2
    anna.post(ADDRESS, page(anna, ADDRESS) | {"cell": cells("bicubic", "hr"), "image": []})
    draft_study.refresh_from_db()
    assert rows(draft_study) == {"nearest": 4, "hr": 4}


def test_what_a_choice_comes_to_stands_in_the_bar_that_saves_too(anna, draft_study):
    """A set or two more and the sums lie below what a laptop shows while one ticks."""

    def short(said: Any) -> str:
        found = re.search(r'id="in-short"[^>]*>(.*?)<', text(said), re.DOTALL)
        assert found
        return found[1]

    for part in (ADDRESS, ADDRESS.replace("shown", "sessions")):
        opened = anna.get(part)
        effort = draft_study.effort(6)
        figures = f"{effort['total']} for each rater · {effort['minutes']} minutes · 1 session"
        assert short(opened).endswith(figures)
        assert short(anna.post(f"{part}?check", page(anna, part))).endswith(figures)
    fewer = page(anna, ADDRESS) | {"cell": cells("nearest", "hr")}
    assert short(anna.post(f"{ADDRESS}?check", fewer)).startswith("4 images · 4 for each rater · ")


def test_a_share_and_second_showings_are_in_what_a_rater_is_in_for(anna, draft_study):
    Study.objects.update(share=4, retests=2, first_stabilising=5)
    draft_study.refresh_from_db()
    said = anna.get(ADDRESS)
    effort = draft_study.effort_each()
    assert sums(said)[1:4] == [str(effort[name]) for name in ("total", "minutes", "sessions")]
    assert effort["total"] == 11


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (cells("nearest"), "Samples would be shown by nearest alone"),
        (cells("nearest", "gone"), "gone of Samples: no longer in the catalogue; take it out"),
        (cells("nearest", "hr", of="Gone"), "the set Gone is no longer in the catalogue"),
        (cells("srgan", "hr", of="Samples_x2"), "srgan enlarges by 4"),
        (
            [*cells("nearest", "hr"), *cells("nearest", "hr", of="Samples_x2")],
            "images of one scale, and there would be Samples at x4, Samples_x2 at x2",
        ),
        (["nonsense"], "the set nonsense is no longer in the catalogue"),
    ],
)
def test_a_choice_that_no_study_can_show_is_said_and_not_stored(
    anna, draft_study, chosen, sentence
):
    sent = page(anna, ADDRESS) | {"cell": chosen}
    for address in (ADDRESS, f"{ADDRESS}?check"):
        assert sentence in text(anna.post(address, sent)).split('id="id_wanted_problems"')[1]
    draft_study.refresh_from_db()
    assert draft_study.wanted is None
    assert rows(draft_study) == {"nearest": 2, "bicubic": 2, "hr": 2}


def test_scales_are_mixed_if_somebody_asks_for_it(anna, draft_study):
    chosen = [*cells("nearest", "hr"), *cells("nearest", "hr", of="Samples_x2")]
    sent = page(anna, ADDRESS) | {"cell": chosen, "mixed": "on", "also": ""}
    assert anna.post(ADDRESS, sent).status_code == 302
    draft_study.refresh_from_db()
    assert list(draft_study.wanted) == ["Samples", "Samples_x2"]
    assert page(anna, ADDRESS)["mixed"] == "on"


def test_what_is_not_made_can_be_wished_for_and_is_asked_for_by_who_may(anna, draft_study):
    sent = page(anna, ADDRESS) | {"cell": cells("nearest", "srgan", "hr")}
    assert "cannot have outputs made" in text(anna.post(f"{ADDRESS}?check", sent))
    assert anna.post(ADDRESS, sent | {"make": "yes"}).status_code == 403
    draft_study.refresh_from_db()
    assert rows(draft_study) == {"nearest": 2, "hr": 2}
    assert shown.lacking(draft_study) == {("Samples", "srgan"): 2}
    with pytest.raises(ValueError, match=r"2 images that are not there yet \(2 by srgan on Sam"):
        studies.open_(draft_study)
    assert not Job.objects.exists()
    User.objects.get(username="anna").user_permissions.add(
        Permission.objects.get(codename="add_to_catalogue")
    )
    said = anna.post(ADDRESS, page(anna, ADDRESS) | {"make": "yes"}, follow=True)
    job = Job.objects.get()
    assert (job.kind, job.what) == ("generate", {"sets": ["Samples"], "methods": ["srgan"]})
    assert job.study == draft_study
    assert "Save, and have the 2 made" in text(said)


def test_outputs_that_come_later_are_laid_for_all_who_wait(anna, draft_study, settings):
    aside = settings.OUTPUTS_DIR.parent / "aside"
    shutil.move(settings.OUTPUTS_DIR / "Samples" / "bicubic", aside)
    draft = studies.draft("other", title="Other", by=By())
    for study in (draft, draft_study):
        Study.objects.filter(pk=study.pk).update(wanted=shown.wish({"Samples": ["bicubic", "hr"]}))
        study.refresh_from_db()
        assert shown.lay(study) == []
    assert rows(draft) == {"hr": 5}
    assert rows(draft_study) == {"bicubic": 2, "hr": 5}
    one = next(aside.glob("*.png"))
    (settings.OUTPUTS_DIR / "Samples" / "bicubic").mkdir()
    for suffix in (".png", ".json"):
        shutil.copy(one.with_suffix(suffix), settings.OUTPUTS_DIR / "Samples" / "bicubic")
    shown.lay_all()
    assert rows(draft) == {"hr": 5}
    shutil.copytree(aside, settings.OUTPUTS_DIR / "Samples" / "bicubic", dirs_exist_ok=True)
    anna.get(ADDRESS)
    assert rows(draft) == {"hr": 5}
    shown.lay_all()
    assert rows(draft) == rows(draft_study) == {"bicubic": 5, "hr": 5}
    studies.open_(draft)
    assert draft.state == Study.State.OPEN


def test_rows_of_a_wish_that_somebody_changed_meanwhile_are_not_laid(
    anna, draft_study, monkeypatch
):
    Study.objects.update(wanted=shown.wish({"Samples": ["nearest", "bicubic"]}))
    store = stimuli.store

    def while_another_chooses(placed):
        Study.objects.update(wanted=shown.wish({"Samples": ["nearest", "hr"]}))
        return store(placed)

    monkeypatch.setattr(stimuli, "store", while_another_chooses)
    shown.lay(draft_study)
    assert rows(draft_study) == {"nearest": 2, "bicubic": 2, "hr": 2}
    monkeypatch.undo()
    shown.lay(draft_study)
    assert rows(draft_study) == {"nearest": 5, "hr": 5}


def test_a_job_that_made_outputs_lays_them(anna, draft_study, settings):
    shutil.rmtree(settings.OUTPUTS_DIR / "Samples" / "nearest")
    Study.objects.update(wanted=shown.wish({"Samples": ["nearest", "hr"]}))
    draft_study.studystimulus_set.all().delete()
    draft_study.refresh_from_db()
    shown.lay(draft_study)
    (job,) = shown.have_made(draft_study, by=By(account="anna"))
    done = work.carry_out(job.pk, explain=str)
    assert done is not None
    assert done.state == Job.State.DONE
    assert rows(draft_study) == {"nearest": 5, "hr": 5}
    last = Deed.objects.filter(kind=Deed.Kind.CHANGED).last()
    assert (last.account, last.details["stimuli"]) == ("anna", [5, 10])


def test_images_picked_one_by_one_in_the_admin_take_the_place_of_a_wish(
    anna, draft_study, admin_client
):
    Study.objects.update(wanted=shown.wish({"Samples": ["nearest", "hr"]}))
    shown.lay(draft_study)
    address = f"/admin/study/study/{draft_study.pk}/change/"
    form = admin_client.get(address).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    keys = list(draft_study.studystimulus_set.values_list("pk", "stimulus_id"))
    sent |= {"studystimulus_set-TOTAL_FORMS": 10, "studystimulus_set-INITIAL_FORMS": 10}
    for number, (pk, stimulus) in enumerate(keys):
        sent |= {
            f"studystimulus_set-{number}-id": pk,
            f"studystimulus_set-{number}-study": draft_study.pk,
            f"studystimulus_set-{number}-stimulus": stimulus,
        }
    admin_client.post(address, sent)
    draft_study.refresh_from_db()
    assert draft_study.wanted is not None
    assert (
        admin_client.post(address, sent | {"studystimulus_set-0-DELETE": "on"}).status_code == 302
    )
    draft_study.refresh_from_db()
    assert draft_study.wanted is None
    shown.lay_all()
    assert draft_study.stimuli.count() == 9


def test_outputs_made_anew_replace_those_that_were_laid(anna, draft_study, settings):
    Study.objects.update(wanted=shown.wish({"Samples": ["nearest", "bicubic"]}))
    shown.lay(draft_study)
    folder = settings.OUTPUTS_DIR / "Samples"
    shutil.rmtree(folder / "bicubic")
    shown.lay(draft_study)
    assert rows(draft_study) == {"nearest": 5, "bicubic": 5}
    shutil.copytree(folder / "nearest", folder / "bicubic")
    for record in (folder / "bicubic").glob("*.json"):
        record.write_text(record.read_text().replace("nearest", "bicubic"))
    shown.lay(draft_study)
    assert rows(draft_study) == {"nearest": 5, "bicubic": 5}
    assert draft_study.stimuli.values("sha256").distinct().count() == 5


def test_a_damaged_output_is_named_and_the_rest_is_laid(anna, draft_study, settings):
    path = next((settings.OUTPUTS_DIR / "Samples" / "bicubic").glob("*.png"))
    path.write_bytes(path.read_bytes() + b"\0")
    draft_study.studystimulus_set.all().delete()
    said = anna.post(
        ADDRESS, page(anna, ADDRESS) | {"cell": cells("nearest", "bicubic", "hr")}, follow=True
    )
    assert "1 of 5 outputs are missing or out of date" in text(said)
    assert rows(draft_study) == {"nearest": 5, "hr": 5}
    with pytest.raises(ValueError, match="5 images that are not there yet"):
        studies.open_(draft_study)


def test_what_has_gone_from_the_catalogue_can_be_taken_out(anna, draft_study):
    Study.objects.update(
        wanted={"Gone": {"methods": ["nearest", "lost"], "without": []}}
        | shown.wish({"Samples": ["nearest", "hr"]})
    )
    said = anna.get(ADDRESS)
    assert said.status_code == 200
    assert "the set Gone is no longer in the catalogue; take it out" in text(said)
    sent = page(anna, ADDRESS)
    assert "Gone lost" in sent["cell"]
    with pytest.raises(ValueError, match="nearest on Gone"):
        studies.open_(draft_study)
    assert anna.post(ADDRESS, sent | {"cell": cells("nearest", "hr")}).status_code == 302
    draft_study.refresh_from_db()
    studies.open_(draft_study)


def test_of_two_who_choose_the_second_is_told_and_keeps_what_was_ticked(anna, draft_study):
    bob = signed_in("bob", draft_study)
    of_anna, of_bob = page(anna, ADDRESS), page(bob, ADDRESS)
    anna.post(ADDRESS, of_anna | {"cell": cells("nearest", "hr")})
    said = bob.post(ADDRESS, of_bob | {"cell": cells("bicubic", "hr")})
    assert said.status_code == 409
    assert "anna changed “What is shown”" in text(said)
    assert "to Samples by nearest, hr, without " in text(said)
    again = filled(said.content.decode())
    assert again["cell"] == cells("bicubic", "hr")
    assert bob.post(ADDRESS, again).status_code == 302
    assert rows(draft_study) == {"bicubic": 2, "hr": 2}


def test_whole_lists_of_images_and_sets_are_within_what_a_form_may_send(anna, draft_study):
    sent = page(anna, ADDRESS) | {"image": [f"Samples/{n}" for n in range(3000)]}
    assert anna.post(f"{ADDRESS}?check", sent).status_code == 200
