"""Mail to raters: who is written to, each once, and what becomes of every letter."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from threading import Event, Thread
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from study.desk import jobs, letters, links, post, rehearsal, studies, work
from study.desk.letters import Kind, Text
from study.management.plain import sentence
from study.models import Deed, Invitation, Job, Letter, Member, Rater, Study
from study.models.deeds import By
from study.rating import sessions
from tests.letterbox import HANG_UP, Letterbox, letterbox, sent_by
from tests.serving import commands

pytestmark = pytest.mark.django_db
TEXT = Text("For {name}", "Hello {name},\n\n{link}\n")


@pytest.fixture
def box(settings, monkeypatch) -> Iterator[Letterbox]:
    monkeypatch.setattr(post, "PAUSES", (0.0, 0.0))
    with letterbox() as box:
        sent_by(settings, box)
        yield box


@pytest.fixture
def three(open_study) -> list[Invitation]:
    """Links with names and addresses."""
    made = links.invite(open_study, 3)
    for link, name in zip(made, ("anna", "bert", "cora"), strict=True):
        link.name, link.mail = name.title(), f"{name}@example.org"
        link.save()
    return made


def ask(study: Study, *numbers: int, kind: Kind = Kind.INVITE, **more) -> Job:
    return post.ask(study, numbers or (1, 2, 3), kind, TEXT, by=By(), **more)


def done(job: Job) -> Job:
    found = work.carry_out(job.pk, explain=sentence)
    assert found is not None
    return found


def of(link: Invitation) -> Letter:
    return Letter.objects.filter(invitation=link).latest("pk")


# The text


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_standard_text_tells_what_a_rater_needs_and_not_the_studys_title(
    draft_study, language, kind
):
    studies.set_protocol(
        draft_study,
        {"language": language, "researcher": "Dr. Groß {name}", "contact": "me@example.org"},
    )
    draft_study.save()
    studies.open_(draft_study)
    link = links.invite(draft_study, 1)[0]
    text = letters.standard(draft_study, kind)
    assert letters.unlike(text) == {}
    subject, body = letters.filled(text, link)
    assert links.link(link) in body.splitlines()
    assert "Dr. Groß (name)" in body
    assert "me@example.org" in body
    assert ("6 Bilder" if language == "de" else "6 images") in body
    assert ("Bildqualität" if language == "de" else "image quality") in subject
    assert draft_study.title not in subject + body
    assert "{" not in subject + body


def test_there_is_a_text_in_every_language_of_the_pages():
    assert set(letters.languages()) == {code for code in Study.Language.values if code}


@pytest.mark.parametrize(
    ("subject", "body", "said"),
    [
        (
            "Hello",
            "Dear {nmae}, {link}",
            "{nmae} cannot be filled in; there are {link} and {name}.",
        ),
        ("Hello {first name}", "{link}", "{first name} cannot be filled in"),
        ("Hello", "Please come", "{link} is missing"),
        ("Hello {link}", "{link}", "The link stands in the text"),
        ("Hello\nBcc: me@example.org", "{link}", "A subject is one line"),
        (" ", "{link}", "A letter needs a subject"),
        ("s" * 151, "{link}", "at most 150 characters"),
        ("Hello", "{link}" + "b" * 5000, "at most 5000"),
    ],
)
def test_a_text_that_cannot_be_sent_is_refused_in_a_sentence(subject, body, said):
    assert said in " ".join(letters.unlike(Text(subject, body)).values())


def test_a_name_that_looks_like_a_place_or_holds_a_line_is_put_in_as_it_is(three):
    three[0].name = "{link}\nBcc: x"
    assert letters.filled(TEXT, three[0]).subject == "For {link} Bcc: x"


def test_a_mailto_address_holds_a_whole_letter_or_a_shorter_one_but_always_the_link(
    draft_study,
):
    long = {"researcher": "Ä" * 200, "institution": "Ö" * 200, "contact": "me@example.org & co"}
    studies.set_protocol(draft_study, {"language": "de"} | long)
    draft_study.save()
    studies.open_(draft_study)
    link = links.invite(draft_study, 1)[0]
    link.mail = "a+b&c@example.org"
    address = letters.mailto(link, letters.wordings(draft_study, Kind.INVITE))
    assert len(address) <= letters.LONGEST_MAILTO
    assert address.startswith("mailto:a%2Bb%26c@example.org?subject=Einladung%20zu%20")
    assert links.link(link) in unquote(address)
    assert address.isascii()
    assert not re.search(r"\s", address)
    draft_study.researcher = draft_study.institution = ""
    whole = letters.mailto(link, letters.wordings(draft_study, Kind.INVITE))
    assert "6 Bilder" in unquote(whole)
    assert "&%20co" not in whole.partition("body=")[2], "an & of the text ends the text"
    assert "%0D%0A" in whole


# Whom


def test_everyone_who_is_asked_gets_a_letter_of_their_own_and_the_log_no_address(
    box, open_study, three
):
    job = done(ask(open_study))
    assert job.told == "3 letters were sent."
    assert (job.done, job.total, job.unit) == (3, 3, "letters")
    assert box.to == [link.mail for link in three]
    for link, letter in zip(three, box.came, strict=True):
        assert letter["To"] == link.mail
        assert letter["Subject"] == f"For {link.name}"
        assert links.link(link) in letter.get_content()
        assert of(link).sent_at
        assert link.token not in of(link).body
    noted = str(list(Deed.objects.values_list("kind", "details"))) + str(job.what)
    assert "example.org" not in noted
    assert "Anna" not in noted
    wrote = Deed.objects.get(kind=Deed.Kind.WROTE)
    assert wrote.details == {"links": "1–3", "letter": "invite"}


def test_who_cannot_be_written_to_is_left_out_with_the_reason(box, open_study, three):
    links.revoke(three[0])
    Invitation.objects.filter(pk=three[1].pk).update(mail="")
    sessions.enrol(three[2])
    with pytest.raises(ValueError, match="link 1: revoked; link 2: no mail address") as no:
        ask(open_study, 1, 2, 3, 9)
    assert "link 3: has begun already; link 9: there is no such link" in str(no.value)
    assert not Letter.objects.exists()
    assert not Job.objects.exists()


def test_a_letter_with_a_name_goes_to_nobody_without_one(box, open_study, three):
    Invitation.objects.filter(pk=three[0].pk).update(name="")
    with pytest.raises(ValueError, match=r"link 1: there is no name for \{name\}"):
        ask(open_study, 1)


def test_who_has_ended_or_was_never_written_to_is_not_reminded(box, open_study, three):
    with pytest.raises(ValueError, match="link 1–3: was never written to, nor opened"):
        ask(open_study, kind=Kind.REMIND)
    for link in three:
        rater = sessions.enrol(link)
    Rater.objects.filter(pk=rater.pk).update(stage=Rater.Stage.FINISHED)
    job = ask(open_study, kind=Kind.REMIND)
    assert len(job.what["letters"]) == 2


def test_the_groups_are_those_that_are_likely_meant(box, open_study, three):
    def numbers(kind: Kind) -> dict[str, list[int]]:
        groups = post.group(open_study, kind, days=3)
        return {name: [link.number for link in found] for name, found in groups.items()}

    assert numbers(Kind.INVITE) == {"new": [1, 2, 3]}
    assert numbers(Kind.REMIND) == {"unopened": [], "away": []}
    done(ask(open_study, 1, 2))
    assert numbers(Kind.INVITE) == {"new": [3]}
    assert numbers(Kind.REMIND) == {"unopened": [1, 2], "away": []}
    rater = sessions.enrol(three[1])
    long_ago = timezone.now() - timedelta(days=4)
    Invitation.objects.filter(pk=three[1].pk).update(opened_at=long_ago)
    Rater.objects.filter(pk=rater.pk).update(enrolled_at=long_ago)
    assert numbers(Kind.REMIND) == {"unopened": [1], "away": [2]}


@pytest.mark.parametrize("state", ["draft", "closed", "no mail"])
def test_nothing_is_sent_where_a_link_leads_nowhere_or_no_mail_goes(
    box, open_study, three, settings, state
):
    if state == "closed":
        studies.close(open_study)
    elif state == "draft":
        Study.objects.filter(pk=open_study.pk).update(state="draft", opened_at=None)
        open_study.refresh_from_db()
    else:
        settings.MAIL = False
    with pytest.raises(ValueError, match=r"sends no mail|while a study is open"):
        ask(open_study)
    assert not Letter.objects.exists()


# Once


def test_a_second_click_sends_nothing_again(box, open_study, three):
    done(ask(open_study))
    with pytest.raises(ValueError, match="link 1–3: written to within the last day"):
        ask(open_study)
    Letter.objects.update(asked_at=timezone.now() - timedelta(days=1, minutes=1))
    assert done(ask(open_study)).told == "3 letters were sent."


def test_whoever_wants_it_again_on_the_same_day_gets_it_once_too(box, open_study, three):
    done(ask(open_study))
    seen = Letter.objects.latest("pk").pk
    done(ask(open_study, 1, again_after=seen))
    with pytest.raises(ValueError, match="link 1: written to meanwhile"):
        ask(open_study, 1, again_after=seen)
    assert [letter["To"] for letter in box.came].count("anna@example.org") == 2


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_send_one_letter_each(box, open_study, three):
    go, said = Event(), []

    def click() -> None:
        go.wait()
        try:
            ask(open_study)
        except ValueError as error:
            said.append(str(error))
        finally:
            connection.close()

    clicks = [Thread(target=click) for _ in range(4)]
    for each in clicks:
        each.start()
    go.set()
    for each in clicks:
        each.join()
    assert len(said) == 3
    assert Letter.objects.count() == 3
    assert Job.objects.count() == 1


def test_a_job_that_is_begun_again_sends_what_is_left_and_nobody_twice(box, open_study, three):
    job = ask(open_study)
    Letter.objects.filter(invitation=three[0]).update(
        begun_at=timezone.now(), sent_at=timezone.now()
    )
    Letter.objects.filter(invitation=three[1]).update(begun_at=timezone.now())
    assert done(job).told == "One letter was sent.".replace("One", "1")
    assert box.to == ["cora@example.org"]
    assert list(post.unsent(open_study).values_list("invitation__number", flat=True)) == [2]

    done(post.ask_again(open_study, [of(link).pk for link in three], by=By()))
    assert box.to == ["cora@example.org", "bert@example.org"]
    with pytest.raises(ValueError, match="None of these letters is to be sent again"):
        post.ask_again(open_study, [of(link).pk for link in three], by=By())


@pytest.mark.django_db(transaction=True)
def test_a_job_killed_while_it_hands_a_letter_over_leaves_that_one_in_doubt(
    settings, open_study, three
):
    with letterbox() as box, commands() as start:
        sent_by(settings, box)
        job, reached, go = ask(open_study), Event(), Event()

        def hold() -> str:
            if len(box.came) == 1:
                reached.set()
                go.wait(20)
                return "451 nobody listens any more"
            return ""

        box.at_data = hold
        told = {"MAIL_URL": f"smtp+plain://127.0.0.1:{box.port}", "MAIL_FROM": "a@example.org"}
        worker = start("job", str(job.pk), **told)
        assert reached.wait(20)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        go.set()
        box.at_data = lambda: ""
        assert of(three[1]).begun_at
        assert done(job).state == Job.State.DONE
        assert box.to == ["anna@example.org", "cora@example.org"]
        assert of(three[1]).sent_at is None
        assert [letter.invitation.number for letter in post.unsent(open_study)] == [2]


# What the server says


def test_a_refusal_for_the_moment_is_tried_again_and_one_for_good_is_told(box, open_study, three):
    tries: list[str] = []

    def refuse(address: str) -> str:
        tries.append(address)
        if address.startswith("anna") and tries.count(address) == 1:
            return "450 4.2.1 come back"
        return "550 5.1.1 nobody of that name" if address.startswith("bert") else ""

    box.refuse = refuse
    job = done(ask(open_study))
    assert job.state == Job.State.DONE
    assert job.told == "2 letters were sent. One was not: the reasons stand beside the links."
    assert "example.org" not in job.told
    assert tries.count("bert@example.org") == 1
    assert box.to == ["anna@example.org", "cora@example.org"]
    assert of(three[1]).problem == ("The mail server refused it (550): 5.1.1 nobody of that name")


def test_a_refusal_that_does_not_pass_is_told_after_some_tries(box, open_study, three):
    tries: list[str] = []

    def refuse(address: str) -> str:
        tries.append(address)
        return "451 later"

    box.refuse = refuse
    done(ask(open_study, 1))
    assert len(tries) == 3
    assert "451" in of(three[0]).problem


def test_a_server_that_is_away_fails_the_work_and_keeps_every_letter_for_later(
    box, open_study, three, settings
):
    settings.EMAIL_PORT = 1
    job = done(ask(open_study))
    assert job.state == Job.State.FAILED
    assert job.told == "The mail server cannot be reached: Connection refused."
    assert post.unsent(open_study).count() == 3
    assert not Letter.objects.exclude(problem="", begun_at=None).exists()
    settings.EMAIL_PORT = box.port
    assert done(jobs.again(job, by=By())).told == "3 letters were sent."


def test_a_server_that_hangs_up_over_a_letter_may_have_taken_it_and_gets_the_next_one(
    box, open_study, three
):
    box.at_data = lambda: HANG_UP if len(box.came) == 1 else ""
    tries: list[str] = []

    def take(address: str) -> str:
        tries.append(address)
        return ""

    box.refuse = take
    job = done(ask(open_study, 1, 2))
    assert job.told == "1 letter was sent. One was not: the reasons stand beside the links."
    assert tries == ["anna@example.org", "bert@example.org"]
    assert of(three[1]).begun_at
    assert not of(three[1]).problem
    box.at_data = lambda: ""
    done(ask(open_study, 3))
    assert box.to == ["anna@example.org", "cora@example.org"]


def test_of_two_workers_with_one_letter_one_hands_it_over(box, open_study, three):
    ask(open_study)
    letter = of(three[0])
    assert post._begin(open_study, letter.pk)
    assert post._begin(open_study, letter.pk) is None


@pytest.mark.django_db(transaction=True)
def test_a_study_that_is_closed_between_two_letters_sends_no_second(box, open_study, three):
    def close() -> None:
        studies.close(Study.objects.get(pk=open_study.pk))
        connection.close()

    def meanwhile() -> str:
        if not box.came:
            somebody = Thread(target=close)
            somebody.start()
            somebody.join()
        return ""

    box.at_data = meanwhile
    done(ask(open_study))
    assert box.to == ["anna@example.org"]
    assert of(three[1]).problem == of(three[2]).problem == "the study was closed meanwhile"


def test_what_changed_before_a_letter_went_is_looked_at_once_more(box, open_study, three):
    job = ask(open_study)
    links.revoke(three[0])
    Invitation.objects.filter(pk=three[1].pk).update(mail="elsewhere@example.org")
    sessions.withdraw(sessions.enrol(three[2]), erase=True)
    assert done(job).told.startswith("0 letters were sent. 2 were not")
    assert box.came == []
    assert [of(link).problem for link in three[:2]] == [
        "revoked", "the mail address was changed meanwhile",
    ]  # fmt: skip
    assert not three[2].letters.exists(), "with a rater's data the letters go"
    done(post.ask_again(open_study, [of(three[1]).pk], by=By()))
    assert box.to == ["elsewhere@example.org"]


def test_a_study_closed_meanwhile_writes_to_nobody(box, open_study, three):
    job = ask(open_study)
    studies.close(open_study)
    done(job)
    assert box.came == []
    assert of(three[0]).problem == "the study was closed meanwhile"


# The page


@pytest.fixture
def desk(client, owner) -> Client:
    client.force_login(owner)
    return client


def test_the_page_shows_whom_and_what_and_sends_it_once(box, desk, open_study, three):
    address = reverse("mail", args=["small"])
    shown = desk.get(address).content.decode()
    assert "3 raters will be written to" in shown
    assert "Send to 3 raters" in shown
    assert links.link(three[0]) in shown
    assert not Deed.objects.filter(kind=Deed.Kind.WROTE).exists()
    sent = {
        "numbers": "1,2,3",
        "seen": "0",
        "subject": "Hi {name}",
        "body": "Dear {name}\r\n{link}",
    }
    looked = desk.post(address, sent | {"look": "yes"}).content.decode()
    assert "Dear Anna\n" in looked
    assert not Letter.objects.exists()
    assert desk.post(address, sent | {"send": "yes"}).status_code == 302
    assert desk.post(address, sent | {"send": "yes"}).status_code == 409
    assert Letter.objects.count() == 3
    shown = desk.get(address).content.decode()
    assert shown.count("Waiting</td>") == 3
    assert "Nobody is there to do it" in shown
    done(Job.objects.get())
    assert desk.get(address).content.decode().count(">Sent ") == 3
    assert box.came[0].get_content().startswith("Dear Anna\r\n")


def test_a_text_that_cannot_be_sent_comes_back_as_it_was_typed(box, desk, three):
    sent = {"numbers": "1", "seen": "0", "subject": "Mine", "body": "No way in", "send": "yes"}
    refused = desk.post(reverse("mail", args=["small"]), sent)
    assert refused.status_code == 400
    assert "{link} is missing" in refused.content.decode()
    assert "No way in</textarea>" in refused.content.decode()
    assert not Letter.objects.exists()


@pytest.mark.parametrize("numbers", ["1-2-3", "one", "99999", "1e3"])
def test_numbers_that_are_none_are_refused_in_a_sentence(box, desk, three, numbers):
    shown = desk.get(reverse("mail", args=["small"]), {"whom": "invite", "numbers": numbers})
    assert 'class="problem"' in shown.content.decode()


def test_given_numbers_are_written_to(box, desk, three):
    shown = desk.get(reverse("mail", args=["small"]), {"numbers": "1,3"}).content.decode()
    assert "2 raters will be written to" in shown
    assert "links 1, 3." in shown


def test_what_did_not_go_is_sent_again_by_a_button(box, desk, open_study, three):
    box.refuse = lambda _address: "550 no"
    done(ask(open_study))
    address = reverse("mail", args=["small"])
    shown = desk.get(address).content.decode()
    assert shown.count("Not sent:") == 3
    assert "Send all 3 again" in shown
    box.refuse = lambda _address: ""
    desk.post(reverse("mail_again", args=["small"]), {"letter": of(three[0]).pk})
    done(Job.objects.due().get())
    desk.post(reverse("mail_again", args=["small"]), {"all": "yes"})
    done(Job.objects.due().get())
    assert box.to == [link.mail for link in three]
    assert "Send again" not in desk.get(address).content.decode()


def test_a_site_without_a_mail_server_says_so(desk, three):
    shown = desk.get(reverse("mail", args=["small"])).content.decode()
    assert "This site sends no mail." in shown
    assert "Send to" not in shown


def test_letters_page_and_the_page_asks_as_much_for_many_as_for_few(
    box, desk, open_study, three, django_assert_max_num_queries
):
    links.invite(open_study, 197)
    Invitation.objects.filter(mail="").update(mail="x@example.org", name="X")
    ask(open_study, *range(1, 201))
    with django_assert_max_num_queries(25):
        shown = desk.get(reverse("mail", args=["small"])).content.decode()
    assert "Page 1 of 4" in shown


def test_a_viewer_neither_sees_letters_nor_sends_any(box, desk, open_study, three):
    viewer = User.objects.create_user("viewer")
    Member.objects.create(study=open_study, user=viewer, role="viewer")
    desk.force_login(viewer)
    assert desk.get(reverse("mail", args=["small"])).status_code == 403
    assert desk.post(reverse("mail_again", args=["small"]), {"all": "yes"}).status_code == 403


def test_simulated_raters_get_no_mail(box, open_study, three):
    rehearsal.rehearse(open_study, raters=1, seed=1)
    assert {link.number for link in post.within_reach(open_study)} == {1, 2, 3}


def test_a_letter_that_would_do_nothing_any_more_is_not_sent_again(box, desk, open_study, three):
    box.refuse = lambda _address: "550 nobody here"
    done(ask(open_study))
    assert post.unsent(open_study).of_use().count() == 3
    box.refuse = lambda _address: ""
    links.revoke(three[0])
    sessions.enrol(three[1])
    done(ask(open_study, 3, again_after=Letter.objects.order_by("pk").last().pk))
    assert box.to == ["cora@example.org"], "by a later letter"
    assert not post.unsent(open_study).of_use().exists()
    page = desk.get(reverse("mail", args=[open_study.slug])).content.decode()
    assert "550" in page
    assert "Send again" not in page
    with pytest.raises(ValueError, match="of no use"):
        post.ask_again(open_study, Letter.objects.values_list("pk", flat=True), by=By())


def test_what_is_no_letter_is_not_sent_again(box, desk, open_study, three):
    for odd in ("9" * 5000, "9" * 30, "x", "-1"):
        answer = desk.post(reverse("mail_again", args=[open_study.slug]), {"letter": odd})
        assert answer.status_code == 302
    assert not Job.objects.exists()
