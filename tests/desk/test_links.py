"""Links for raters: made by number or for a list of people, named, replaced and revoked."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import parse_qs

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from study.desk import invitees, links, raters, studies
from study.desk.invitees import Person, Unreadable
from study.models import Deed, Invitation, Letter, Rating
from study.models.deeds import By
from study.rating import sessions
from tests.rating.way import vote


@pytest.fixture
def researcher(owner):
    client = Client()
    client.force_login(owner)
    return client


def people(text: str) -> list[tuple[str, str]]:
    return [(person.name, person.mail) for person in invitees.read(text)]


@pytest.mark.parametrize(("line", "name", "mail"), [
    ("Jane Doe", "Jane Doe", ""),
    ("  jane@example.org ", "", "jane@example.org"),
    ("Jane Doe, jane@example.org", "Jane Doe", "jane@example.org"),
    ("jane@example.org,Jane Doe", "Jane Doe", "jane@example.org"),
    ("Jane Doe <jane@example.org>", "Jane Doe", "jane@example.org"),
    ('"Doe, Jane" <jane@example.org>,', "Doe, Jane", "jane@example.org"),
    ('"Doe, Jane",jane@example.org', "Doe, Jane", "jane@example.org"),
    ('"Jane ""JD"" Doe", jane@example.org', 'Jane "JD" Doe', "jane@example.org"),
    ("<jane@example.org>", "", "jane@example.org"),
    ("Jane Doe\tjane@example.org\t\t", "Jane Doe", "jane@example.org"),
    ("Doe, Jane\tjane@example.org", "Doe, Jane", "jane@example.org"),
    ("Jane Doe; jane@example.org", "Jane Doe", "jane@example.org"),
    ("the one by the window", "the one by the window", ""),
    ("Zoë  Öz", "Zoë Öz", ""),
])  # fmt: skip
def test_a_line_is_read_as_people_write_it(line, name, mail):
    assert people(f"\ufeff\n{line}\r\n\n , \n") == [(name, mail)]


@pytest.mark.parametrize(("line", "said"), [
    ("Doe, Jane", "“Jane” is no mail address"),
    ("Jane, jane@", "“jane@” is no mail address"),
    ("jane@@example.org", "“jane@@example.org” is no mail address"),
    ("Jane <jane>", "“jane” is no mail address"),
    ("Doe, Jane, jane@example.org", "3 columns"),
    ('"Jane Doe, jane@example.org', "a quote in it is not closed"),
    ("n" * 201, "201 characters; 200 can be kept"),
    ("Jane\x00Doe", "cannot be seen"),
    (f"{'m' * 300}@example.org", "312 characters"),
])  # fmt: skip
def test_a_line_that_cannot_be_read_is_named_and_nothing_is_guessed(line, said):
    with pytest.raises(Unreadable) as refused:
        invitees.read(f"Fine One\n\n{line}")
    (problem,) = refused.value.problems
    assert problem.startswith("Line 3: ")
    assert said in problem


def test_an_address_twice_in_a_list_is_refused_by_its_line():
    with pytest.raises(Unreadable, match=r"Line 3: JANE@example.org is in line 1 already"):
        invitees.read("jane@example.org\nJane Doe\nJane, JANE@example.org")
    assert people("Jane Doe\nJane Doe") == [("Jane Doe", "")] * 2, "names may be alike"


def test_of_a_list_of_the_wrong_kind_some_lines_are_told():
    with pytest.raises(Unreadable) as refused:
        invitees.read("\n".join(["a, b"] * 30))
    assert len(refused.value.problems) == invitees.TOLD + 1
    assert refused.value.problems[-1] == "20 more lines are wrong."
    with pytest.raises(Unreadable, match="empty"):
        invitees.read(" \n")


def test_somebody_who_has_a_link_in_force_gets_no_second_one(open_study):
    (first,) = links.invite(open_study, people=[Person("Jane", "jane@example.org", 1)])
    again = [Person("New", "new@example.org", 1), Person("", "Jane@Example.org", 2)]
    with pytest.raises(Unreadable, match=r"Line 2: Jane@Example.org has link 1 already"):
        links.invite(open_study, people=again)
    assert open_study.invitations.count() == 1, "nothing is half stored"
    links.revoke(first)
    assert [each.number for each in links.invite(open_study, people=again)] == [2, 3]


def test_a_list_makes_a_link_for_each_and_the_log_has_no_name(researcher, open_study):
    typed = "Jane Doe, jane@example.org\nthe one by the window"
    page = researcher.post(reverse("invite", args=["small"]), {"people": typed}, follow=True)
    assert page.redirect_chain == [(reverse("raters", args=["small"]), 302)]
    assert b"Links 1 to 2 are made." in page.content
    made = list(open_study.invitations.values_list("number", "name", "mail"))
    assert made == [(1, "Jane Doe", "jane@example.org"), (2, "the one by the window", "")]
    deed = Deed.objects.get(kind=Deed.Kind.INVITED)
    assert deed.details == {"count": 2, "numbers": [1, 2]}


def test_of_a_list_with_a_bad_line_nothing_is_stored_and_what_was_typed_stays(
    researcher, open_study
):
    typed = "Jane Doe, jane@example.org\nMiller, John"
    page = researcher.post(reverse("invite", args=["small"]), {"people": typed})
    assert page.status_code == 400
    text = page.content.decode()
    assert "Line 2: “John” is no mail address." in text
    assert "Miller, John</textarea>" in text
    assert not open_study.invitations.exists()
    assert not Deed.objects.filter(kind=Deed.Kind.INVITED).exists()


@pytest.mark.parametrize("count", ["", "0", "x", "-3", "1001"])
def test_an_odd_number_of_links_is_refused_with_a_sentence(researcher, open_study, count):
    page = researcher.post(reverse("invite", args=["small"]), {"count": count})
    assert page.status_code == 400
    assert b"Number of links" in page.content
    assert open_study.invitations.count() == 0


def test_a_closed_study_gets_no_links(researcher, open_study):
    studies.close(open_study)
    page = researcher.post(reverse("invite", args=["small"]), {"count": 1})
    assert page.status_code == 400
    assert b"is closed" in page.content


def test_a_name_is_changed_and_the_log_has_the_number_alone(researcher, invitation):
    address = reverse("rater", args=["small", 1])
    for _ in range(2):
        told = {"name": " Jane  Doe", "mail": "jane@example.org "}
        assert researcher.post(address, told).status_code == 302
    invitation.refresh_from_db()
    assert (invitation.name, invitation.mail) == ("Jane Doe", "jane@example.org")
    deed = Deed.objects.get(kind=Deed.Kind.NAMED)
    assert deed.details == {"number": 1}, "once, for what was changed once"


@pytest.mark.parametrize(("mail", "said"), [
    ("jane", "“jane” is no mail address"), ("other@example.org", "has link 2 already"),
])  # fmt: skip
def test_a_bad_address_is_refused_and_what_was_typed_stays(
    researcher, open_study, invitation, mail, said
):
    links.invite(open_study, people=[Person("", "Other@example.org")])
    told = {"name": "Jane", "mail": mail}
    page = researcher.post(reverse("rater", args=["small", 1]), told)
    assert page.status_code == 400
    assert said in page.content.decode()
    assert f'value="{mail}"' in page.content.decode()
    invitation.refresh_from_db()
    assert (invitation.name, invitation.mail) == ("", "")


def test_a_link_is_replaced_by_one_for_the_same_person(researcher, rater, invitation):
    links.rename(invitation, name="Jane", mail="jane@example.org")
    vote(rater)
    address = reverse("replace", args=["small", 1])
    asked = researcher.get(address).content.decode()
    assert "1 answer given through the old link stay" in " ".join(asked.split())
    assert researcher.post(address).status_code == 400, "it asks first"
    assert Invitation.objects.count() == 1
    researcher.post(address, {"sure": "yes"})
    invitation.refresh_from_db()
    made = Invitation.objects.get(number=2)
    assert (made.name, made.mail, made.replaces) == ("Jane", "jane@example.org", invitation)
    assert invitation.revoked_at
    assert Client().get(invitation.get_absolute_url()).status_code == 410
    assert Rating.objects.filter(trial__rater=rater).count() == 1
    deed = Deed.objects.get(kind=Deed.Kind.REPLACED)
    assert deed.details == {"number": 1, "new": 2}
    again = researcher.post(address, {"sure": "yes"}, follow=True)
    assert "was replaced before, by 2" in again.content.decode()
    assert Invitation.objects.count() == 2


def test_links_are_withdrawn_together_after_a_page_that_asks(researcher, open_study):
    made = links.invite(open_study, 3)
    address = reverse("selected_raters", args=["small"])
    sent = {"do": "revoke", "numbers": [1, 3]}
    assert b"Revoke 2 links?" in researcher.post(address, sent).content
    assert not Invitation.objects.exclude(revoked_at=None).exists()
    researcher.post(address, {**sent, "sure": "yes"})
    links.revoke(made[0])
    assert list(Invitation.objects.filter(revoked_at=None)) == [made[1]]
    assert [deed.details for deed in Deed.objects.filter(kind=Deed.Kind.REVOKED)] == [
        {"numbers": "1, 3"}
    ]
    for nonsense in ({"do": "revoke"}, {"do": "burn", "numbers": [2]}, {**sent, "numbers": [9]}):
        page = researcher.post(address, {**nonsense, "sure": "yes"}, follow=True)
        assert b"Nothing was done" in page.content
    assert Invitation.objects.filter(revoked_at=None).count() == 1


@pytest.mark.parametrize("way", ["command", "page", "rater"])
def test_with_a_raters_data_go_the_name_the_address_and_the_letters(
    researcher, open_study, rater, invitation, way
):
    """Of the link, and of those before and after it, which are the same person's."""
    (other,) = links.invite(open_study, people=[Person("Other", "other@example.org")])
    Letter.objects.create(invitation=other, kind="invite", mail=other.mail)
    links.rename(invitation, name="Jane", mail="jane@example.org")
    after = links.replace(links.replace(invitation))
    second = Invitation.objects.get(replaces=invitation)
    rater = sessions.enrol(after) if way == "page" else rater
    for each in (invitation, second, after):
        Letter.objects.create(invitation=each, kind="remind", mail="jane@example.org")
    vote(rater)
    if way == "command":
        call_command("delete_rater", "small", "R001")
    elif way == "page":
        address = reverse("delete_rater", args=["small", rater.number])
        assert b"1 answer," in researcher.get(address).content
        assert researcher.post(address).status_code == 400, "it asks first"
        assert Rating.objects.exists()
        researcher.post(address, {"sure": "yes"})
    else:
        client = Client()
        Invitation.objects.filter(pk=invitation.pk).update(revoked_at=None)
        client.get(invitation.get_absolute_url())
        client.post(reverse("leave"), {"answers": "delete"})
    rater.refresh_from_db()
    assert rater.erased
    assert not Rating.objects.exists()
    left = Invitation.objects.exclude(name="", mail="")
    assert list(left) == [other]
    assert [letter.invitation for letter in Letter.objects.all()] == [other]


def test_what_is_told_of_a_rater_has_the_name_the_letters_and_the_deeds(rater, invitation):
    links.rename(invitation, name="Jane", mail="jane@example.org")
    Letter.objects.create(invitation=invitation, kind="invite", mail="jane@example.org")
    links.revoke(links.invite(invitation.study, 1)[0])
    links.replace(invitation)
    told = raters.told(raters.get(rater.study, "R001")).decode()
    assert '"name": "Jane"' in told
    assert '"mail": "jane@example.org"' in told
    kinds = [deed.kind for deed in raters.deeds(rater.study, rater=rater, invitation=invitation)]
    assert kinds == ["named", "replaced", "told"]


def test_the_command_makes_links_for_a_list(open_study, tmp_path, capsys):
    names, out = tmp_path / "people.txt", tmp_path / "links.csv"
    names.write_text("Jane Doe, jane@example.org\n=1+1\n")
    call_command("invite", "small", "--names", str(names), "--out", str(out))
    first, second = open_study.invitations.all()
    assert out.read_text().splitlines() == [
        "number,link,name,mail",
        f"1,{links.link(first)},Jane Doe,jane@example.org",
        f"2,{links.link(second)},'=1+1,",
    ]
    names.write_text("Jane Doe, jane@example.org")
    with pytest.raises(CommandError, match=r"Line 1: jane@example.org has link 1 already"):
        call_command("invite", "small", "--names", str(names))
    names.write_text("a, b")
    with pytest.raises(CommandError, match=r"people.txt: Line 1: “b” is no mail address"):
        call_command("invite", "small", "--names", str(names))
    names.write_bytes(b"J\xf6rg")
    with pytest.raises(CommandError, match="UTF-8"):
        call_command("invite", "small", "--names", str(names))
    for arguments in ((), ("2", "--names", str(names))):
        with pytest.raises(CommandError, match="how many links"):
            call_command("invite", "small", *arguments)
    assert open_study.invitations.count() == 2


def test_whoever_has_not_finished_is_written_to_in_ones_own_mail_program(open_study, researcher):
    """The letter holds that rater's link, and nobody is written to whom it would be of no use."""
    first, second, third = links.invite(open_study, 3)
    links.rename(first, name="Jana Lang", mail="jana@harbour.example", by=By())
    Invitation.objects.filter(pk=second.pk).update(opened_at=timezone.now())
    links.revoke(third)
    page = html.unescape(researcher.get(reverse("raters", args=["small"])).content.decode())
    found = re.findall(r'href="(mailto:[^"]+)"', page)
    assert [address.partition("?")[0] for address in found] == [
        "mailto:jana@harbour.example", "mailto:",
    ]  # fmt: skip
    for invitation, address, subject in zip(
        (first, second), found, ("Invitation to", "Reminder"), strict=True
    ):
        told = parse_qs(address.partition("?")[2])
        assert links.link(invitation) in told["body"][0]
        assert told["subject"][0].startswith(subject)
        assert open_study.title not in told["body"][0]


def test_one_person_has_one_link_in_force_also_after_a_replacement(open_study):
    (first,) = links.invite(open_study, people=[Person("Jane", "jane@example.org")])
    links.revoke(first)
    (second,) = links.invite(open_study, people=[Person("Jane", "Jane@example.org")])
    with pytest.raises(ValueError, match=f"has link {second.number} already"):
        links.replace(first)
    assert open_study.invitations.count() == 2
    assert links.replace(second).mail == "Jane@example.org"


def test_what_a_rater_is_told_has_the_letters_to_replaced_links_too(open_study):
    (first,) = links.invite(open_study, people=[Person("Jane", "jane@example.org")])
    Letter.objects.create(invitation=first, kind="invite", mail=first.mail, subject="Come")
    rater = sessions.enrol(links.replace(first))
    told = json.loads(raters.told(rater))
    assert [letter["subject"] for letter in told["letters"]] == ["Come"]


def test_a_second_click_makes_no_second_set_of_links(researcher, open_study):
    page = researcher.get(reverse("raters", args=["small"])).content.decode()
    told = {"count": 3, "after": re.findall(r'name="after" value="(.*?)"', page)[0]}
    first, second = (researcher.post(reverse("invite", args=["small"]), told) for _ in range(2))
    assert (first.status_code, second.status_code) == (302, 400)
    assert "links were made meanwhile, the latest is 3" in second.content.decode()
    assert open_study.invitations.count() == 3
    again = told | {"after": re.findall(r'name="after" value="(.*?)"', second.content.decode())[0]}
    assert researcher.post(reverse("invite", args=["small"]), again).status_code == 302
    assert open_study.invitations.count() == 6


def test_a_line_of_many_spaces_is_read_as_quickly_as_any_other():
    with pytest.raises(Unreadable, match="Line 1"):
        invitees.read(" " * 100_000 + "x," + " " * 100_000 + "y<")
