"""What raters read is written on a page of a draft, in every language, as they will read it."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from study.desk import archive, rehearsal, studies
from study.models import Deed, Study
from study.rating import texts

PAGE = "/studies/small/edit/texts"
BOTH = {"texts_consent_en": "I *agree*.", "texts_consent_de": "Ich *stimme zu*."}


@pytest.fixture
def anna(draft_study) -> Client:
    return somebody("anna", draft_study)


def somebody(name: str, study: Study) -> Client:
    user = User.objects.create_user(name, password=f"{name}-password")
    study.researchers.add(user)
    client = Client()
    client.force_login(user)
    return client


def shown(client: Client) -> str:
    return client.get(PAGE).content.decode()


def filled(page: str) -> dict[str, str]:
    """What a browser sends of the page if nobody has touched it."""
    form = page.split('class="settings"')[1].split("</form>")[0]
    areas = re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>([^<]*)</textarea>', form)
    lines = re.findall(r'<input type="text" name="([^"]+)"(?: value="([^"]*)")?', form)
    seen = re.findall(r'name="(seen)" value="([^"]*)"', form)
    language = re.search(r'<option value="([^"]*)" selected', form)
    sent = {name: unescape(value) for name, value in [*areas, *lines, *seen]}
    return {**sent, "language": language[1] if language else ""}


def saved(client: Client, **typed: str) -> int:
    return client.post(PAGE, filled(shown(client)) | typed).status_code


def read(page: str, place: str) -> str:
    """The text that the page says raters read."""
    own = re.split('<h[23]|class="read"', page.split(f'id="{place}_read"')[1])[0]
    found = re.search(r'<div class="paper"[^>]*>(.*?)</div>', own, re.S)
    return found[1] if found else ""


def test_texts_are_kept_by_language_and_what_is_empty_is_the_standard_text(anna):
    assert saved(anna, **BOTH, researcher="Jane", texts_instructions_de=" \n") == 302
    study = Study.objects.get()
    assert study.texts == {"consent": {"en": "I *agree*.", "de": "Ich *stimme zu*."}}
    assert study.researcher == "Jane"
    page = shown(anna)
    assert read(page, "consent_de") == "<p>Ich <em>stimme zu</em>.</p>\n"
    with translation.override("de"):
        assert read(page, "instructions_de") == texts.html(texts.instructions(study))
    assert "I *agree*." in str(Deed.objects.get(kind=Deed.Kind.CHANGED).details["texts"])
    assert saved(anna, texts_consent_en="", texts_consent_de="") == 302
    assert Study.objects.get().texts == {}


def test_an_own_text_in_one_language_alone_is_refused_at_its_place_and_at_opening(
    anna, draft_study
):
    alone = {"texts_consent_en": "I agree."}
    answer = anna.post(PAGE, filled(shown(anna)) | alone)
    assert answer.status_code == 400
    said = re.search(
        r'id="consent_de_problems"[^>]*><p class="problem">([^<]+)', answer.content.decode()
    )
    assert said
    assert "write it in German too, or name English as the language" in said[1]
    assert Study.objects.get().texts == {}
    studies.set_protocol(draft_study, {"texts": {"consent": {"en": "I agree."}}})
    draft_study.save()
    with pytest.raises(ValueError, match="in German the standard text; write it in German too"):
        studies.open_(draft_study)
    assert saved(anna, **alone, language="en") == 302
    page = shown(anna)
    assert (read(page, "consent_en"), read(page, "consent_de")) == ("<p>I agree.</p>\n", "")
    studies.open_(Study.objects.get())


def test_a_text_for_every_language_is_shown_in_each_and_kept_as_that_of_each(anna, draft_study):
    Study.objects.update(consent="One\r\n\r\nfor all", instructions="Look")
    page = shown(anna)
    assert filled(page)["texts_consent_de"] == "One\n\nfor all"
    assert read(page, "consent_en") == "<p>One</p>\n<p>for all</p>\n"
    assert saved(anna, texts_consent_de="Einer für alle") == 302
    study = Study.objects.get()
    assert (study.consent, study.instructions) == ("", "")
    assert study.texts == {
        "consent": {"en": "One\n\nfor all", "de": "Einer für alle"},
        "instructions": {"en": "Look", "de": "Look"},
    }
    Study.objects.update(consent="Nur deutsch", texts={}, language="de")
    assert (filled(shown(anna))["texts_consent_en"], read(shown(anna), "consent_en")) == ("", "")


@pytest.mark.parametrize("how", ["?check", "?look"])
def test_a_preview_is_what_raters_read_and_stores_nothing(anna, how):
    before = Study.objects.values().get()
    typed = {**BOTH, "texts_consent_en": "**Hi** <script>", "contact": "me_1"}
    answer = anna.post(PAGE + how, filled(shown(anna)) | typed)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert read(page, "consent_en") == "<p><strong>Hi</strong> &lt;script&gt;</p>\n"
    assert (how == "?look") == ("Save</button>" in page)
    answer = anna.post(PAGE + how, filled(shown(anna)) | {"contact": "me_1"})
    with translation.override("de"):
        assert read(answer.content.decode(), "consent_de") == texts.html(
            texts.consent(Study(contact="me_1"))
        )
    assert Study.objects.values().get() == before
    assert not Deed.objects.filter(kind=Deed.Kind.CHANGED).exists()


def test_one_can_start_from_the_standard_text_with_what_is_typed_beside_it(anna):
    sent = filled(shown(anna)) | {"contact": "me_1", "standard": "consent_de"}
    page = anna.post(f"{PAGE}?look", sent).content.decode()
    with translation.override("de"):
        standard = texts.standard(Study(contact="me_1"), "consent")
    assert filled(page)["texts_consent_de"] == standard
    assert filled(page)["texts_consent_en"] == ""
    assert Study.objects.get().texts == {}


def test_a_text_that_is_too_long_or_of_no_language_is_one_sentence(anna, draft_study):
    long = dict.fromkeys(BOTH, "x" * (texts.LONGEST + 1))
    answer = anna.post(PAGE, filled(shown(anna)) | long)
    assert answer.status_code == 400
    assert "consent in English: 10001 characters; a text can have 10000" in answer.content.decode()
    for wrong in ({"consent": {"fr": "x"}}, {"title": {"en": "x"}}, {"consent": "x"}, [1], "{",
                  {"consent": {"en": 1}}):  # fmt: skip
        said = wrong if wrong == "{" else json.dumps(wrong)
        with pytest.raises(ValueError, match=r"^texts=") as error:
            studies.set_protocol(draft_study, {"texts": said})
        assert "\n" not in str(error.value)
    studies.set_protocol(draft_study, {"texts": '{"consent": {"en": "A", "de": "B"}}'})
    assert draft_study.texts["consent"]["de"] == "B"


def test_a_second_editor_of_the_texts_is_told_and_keeps_what_was_typed(anna, draft_study):
    bob = somebody("bob", draft_study)
    of_bob = filled(shown(bob))
    assert saved(anna, **BOTH) == 302
    answer = bob.post(PAGE, of_bob | {**BOTH, "texts_consent_de": "Anders"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "anna changed “Consent in German”" in unescape(page)
    assert filled(page)["texts_consent_de"] == "Anders"
    assert Study.objects.get().texts["consent"]["de"] == "Ich *stimme zu*."
    assert bob.post(PAGE, filled(page)).status_code == 302
    assert Study.objects.get().texts["consent"]["de"] == "Anders"


def test_an_archive_tells_own_texts_in_words_and_says_nothing_of_what_was_not_set(
    anna, draft_study
):
    def method() -> str:
        study = Study.objects.get()
        list(rehearsal.rehearse(study, raters=1, seed=1))
        found = archive.exports.report(study, kind="simulated")
        votes = archive.exports.raw(study, kind="simulated", values=archive.measured(study))
        assert found
        return archive._method(study, "simulated", found, votes)

    studies.set_protocol(
        draft_study,
        {"texts": {"consent": {"en": "A\n\nB", "de": "C"}}, "ethics": "No *17*", "language": ""},
    )
    draft_study.save()
    studies.open_(draft_study)
    said = method()
    assert "## Consent\nIn English:\n\n> A\n> \n> B\n\nIn German:\n\n> C\n" in said
    assert "## Instructions\nThe standard text of this software." in said
    assert re.search(r"^- ethics approval: No .*17", said, re.M)
    for name in ("texts", "researcher", "contact", "storage", "calibration set", "left out"):
        assert f"\n- {name}" not in said
