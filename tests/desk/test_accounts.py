"""One's own account, a forgotten password by mail, and a list of hundreds of accounts."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from study.desk import people
from study.models import Deed, Member
from study.models.deeds import By
from study.models.turns import alone
from study.site import forgotten, mail, sign_in
from tests.letterbox import Letterbox, letterbox, sent_by

OLD, NEW = "five plain words are long", "another five plain words now"
HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"
in_threads = pytest.mark.django_db(transaction=True)
"""What is done after an answer is done in a thread, which sees what is stored and nothing else."""


@pytest.fixture
def box(settings, monkeypatch) -> Iterator[Letterbox]:
    monkeypatch.setattr(mail, "MOMENT", 0.0)
    settings.SITE_URL = "https://study.example.org"
    settings.ALLOWED_HOSTS = ["testserver"]
    with letterbox() as box:
        sent_by(settings, box)
        yield box
        finish()


@pytest.fixture
def anna(db) -> User:
    return User.objects.create_user("anna", email="Anna@example.org", password=OLD)


def finish() -> None:
    """Wait for what is done after answers."""
    for thread in threading.enumerate():
        if thread.name == "letters":
            thread.join(20)


def asks(address: str, *, client: Client | None = None, place: str = HOME):
    client = client or Client()
    response = client.post(reverse("forgotten"), {"mail": address}, REMOTE_ADDR=place)
    finish()
    return response


def link_in(letter) -> str:
    found = re.search(r"https://study\.example\.org(/password/new/\S+)", letter.get_content())
    assert found
    return found[1]


def signs_in(password: str) -> bool:
    return Client().login(username="anna", password=password)


# A forgotten password


@in_threads
def test_a_forgotten_password_is_set_anew_by_a_link_that_works_once(box, anna):
    inside = Client()
    inside.force_login(anna)
    asks("anna@EXAMPLE.org")
    letter = box.wait()
    assert letter["To"] == "Anna@example.org"
    assert "within the next 2 hours" in letter.get_content()

    browser, link = Client(), link_in(letter)
    moved = browser.get(link)
    assert moved.status_code == 302
    token = urlsplit(link).path.split("/")[-2]
    assert token not in moved["Location"]
    form = browser.get(moved["Location"])
    assert form.status_code == 200
    assert moved["Referrer-Policy"] == "no-referrer"
    assert form["Referrer-Policy"] == "same-origin"
    assert form["Cache-Control"].count("no-store")
    assert token not in form.content.decode()

    weak = browser.post(moved["Location"], {"new_password1": "short", "new_password2": "short"})
    assert "too short" in weak.content.decode()
    done = browser.post(moved["Location"], {"new_password1": NEW, "new_password2": NEW})
    assert done["Location"] == reverse("login")
    assert "Sign in with the new one" in browser.get(done["Location"]).content.decode()
    assert signs_in(NEW)
    assert not signs_in(OLD)
    assert inside.get(reverse("studies")).status_code == 302, "another browser is still signed in"

    for again in (browser, Client()):
        dead = again.get(link)
        assert dead.status_code == 404
        assert "This link does not work" in dead.content.decode()
    assert browser.post(moved["Location"], {"new_password1": OLD, "new_password2": OLD}).status_code
    assert signs_in(NEW)

    finish()
    assert "password of your account was changed" in box.wait()["Subject"]
    noted = list(Deed.objects.filter(kind__in=["forgot", "password"]).values_list("account"))
    assert noted == [("",), ("anna",), ("anna",)]
    assert "example.org" not in str(list(Deed.objects.values_list("details")))


@in_threads
def test_of_two_browsers_with_one_link_at_once_one_sets_the_password(box, anna, settings):
    asks(anna.email)
    link, said, passwords = link_in(box.wait()), list[int](), (NEW, OLD + "!")

    def sets(new: str) -> None:
        browser = Client()
        form = browser.get(link)["Location"]
        both = {"new_password1": new, "new_password2": new}
        said.append(browser.post(form, both).status_code)
        connection.close()

    threads = [threading.Thread(target=sets, args=[new]) for new in passwords]
    with alone(settings.VAR_DIR / "sign-in-turn", patience=5):
        for thread in threads:
            thread.start()
        # Both were let in by the link and wait for their turn.
        while sign_in._queue._value and any(thread.is_alive() for thread in threads):
            pass
    for thread in threads:
        thread.join()
    assert sorted(said) == [302, 404]
    assert [signs_in(new) for new in passwords].count(True) == 1


@in_threads
def test_a_link_does_not_outlive_its_hours_another_address_or_the_account(box, anna, settings):
    asks(anna.email)
    link = link_in(box.wait())
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert Client().get(link).status_code == 404
    settings.PASSWORD_RESET_TIMEOUT = 7200
    assert Client().get(link).status_code == 302
    for changed in ({"is_active": False}, {"is_staff": True}, {"email": "b@example.org"}):
        was = {name: getattr(anna, name) for name in changed}
        User.objects.filter(pk=anna.pk).update(**changed)
        assert Client().get(link).status_code == 404, changed
        User.objects.filter(pk=anna.pk).update(**was)
    assert Client().get(link).status_code == 302


@in_threads
def test_nobody_learns_whether_an_account_or_address_exists(box, anna, django_assert_num_queries):
    User.objects.create_user("off", email="off@example.org", password=OLD, is_active=False)
    answers = set()
    for address in ("anna@example.org", "off@example.org", "nobody@example.org"):
        response = asks(address)
        told = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())
        answers.add((response.status_code, told.replace(address, "")))
    assert len(answers) == 1
    assert box.to == ["Anna@example.org"]


def test_what_an_answer_waits_for_is_the_same_for_everybody(
    box, anna, monkeypatch, django_assert_num_queries
):
    later: list[object] = []
    monkeypatch.setattr(mail, "after", later.append)
    for address in ("anna@example.org", "nobody@example.org"):
        with django_assert_num_queries(4):  # a transaction, the limit, the entry in the log
            Client().post(reverse("forgotten"), {"mail": address})
    assert len(later) == 2


@in_threads
@pytest.mark.parametrize("rights", ["is_staff", "is_superuser"])
def test_an_account_with_rights_in_the_admin_is_told_of_the_command_instead(box, anna, rights):
    User.objects.filter(pk=anna.pk).update(**{rights: True})
    asks(anna.email)
    said = box.wait().get_content()
    assert "manage.py changepassword anna" in said
    assert "/password/new/" not in said


@in_threads
def test_a_mailbox_is_not_flooded_and_one_place_does_not_ask_for_ever(box, anna):
    for number in range(forgotten.OF_ACCOUNT + 2):
        assert asks(anna.email, place=f"203.0.113.{number}").status_code == 200
    assert len(box.came) == forgotten.OF_ACCOUNT
    for _ in range(forgotten.OF_ADDRESS):
        assert asks("nobody@example.org", place=ELSEWHERE).status_code == 200
    refused = asks("nobody@example.org", place=ELSEWHERE)
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert "too often from here" in refused.content.decode()
    assert asks(anna.email, place=HOME).status_code == 200
    early = timezone.now() - timedelta(hours=1, minutes=1)
    Deed.objects.update(at=early)
    asks(anna.email, place=ELSEWHERE)
    assert len(box.came) == forgotten.OF_ACCOUNT + 1


def test_what_is_no_address_is_400_and_asks_nothing(box, db):
    refused = Client().post(reverse("forgotten"), {"mail": "anna"})
    assert refused.status_code == 400
    assert "Give a mail address as" in refused.content.decode()
    assert not Deed.objects.exists()


def test_without_a_mail_server_it_is_said_whom_to_ask(client, db):
    assert "any superuser of this site" in " ".join(client.get("/login/").content.decode().split())
    shown = client.get(reverse("forgotten"))
    assert shown.status_code == 404
    assert "This site sends no mail" in shown.content.decode()
    assert client.post(reverse("forgotten"), {"mail": "a@example.org"}).status_code == 404
    assert not Deed.objects.exists()


@in_threads
def test_a_mail_server_that_is_away_is_a_line_in_the_servers_log(box, anna, settings, caplog):
    settings.EMAIL_PORT = 1
    assert asks(anna.email).status_code == 200
    assert (
        "a letter about an account was not sent: The mail server cannot be reached" in caplog.text
    )
    assert "example.org" not in caplog.text.replace("study.example.org", "")


# One's own account


@pytest.fixture
def own(client, anna) -> Client:
    client.force_login(anna)
    return client


def gives(client: Client, address: str, password: str = OLD):
    response = client.post(reverse("account"), {"mail": address, "password": password})
    finish()
    return response


@in_threads
def test_ones_own_address_is_changed_with_the_password_and_the_old_one_hears_of_it(box, own, anna):
    assert "Anna@example.org" in own.get(reverse("account")).content.decode()
    assert gives(own, "new@example.org").status_code == 302
    anna.refresh_from_db()
    assert anna.email == "new@example.org"
    assert box.wait()["To"] == "Anna@example.org"
    deed = Deed.objects.get(kind=Deed.Kind.ADDRESS)
    assert (deed.account, deed.details) == ("anna", {"of": "anna", "it_has_one": True})
    assert gives(own, "").status_code == 302
    anna.refresh_from_db()
    assert anna.email == ""
    finish()


@pytest.mark.parametrize(
    ("address", "password", "said"),
    [
        ("new@example.org", "wrong", "This is not your password"),
        ("nonsense", OLD, "Enter a valid email address"),
        ("BERT@example.org", OLD, "Another account has this mail address"),
    ],
)
def test_an_address_that_cannot_be_is_refused(own, anna, address, password, said):
    User.objects.create_user("bert", email="bert@example.org")
    refused = gives(own, address, password)
    assert refused.status_code == 400
    assert said in refused.content.decode()
    assert User.objects.get(pk=anna.pk).email == "Anna@example.org"
    assert not Deed.objects.filter(kind=Deed.Kind.ADDRESS).exists()


def test_the_password_cannot_be_guessed_at_the_account_either(own):
    for _ in range(5):
        gives(own, "new@example.org", "wrong")
    assert gives(own, "new@example.org", OLD).status_code == 429


def test_who_has_no_address_reads_what_it_is_good_for_on_their_own_page_alone(box, own, anna):
    anna.email = ""
    anna.save()
    assert "You have given none" in own.get(reverse("account")).content.decode()
    assert "given none" not in own.get(reverse("studies")).content.decode()


# Everybody's


@pytest.fixture
def head(client, db) -> Client:
    client.force_login(User.objects.create_superuser("head", password="x"))
    return client


def test_hundreds_of_accounts_page_and_cost_no_more_than_few(
    head, open_study, django_assert_num_queries, django_assert_max_num_queries
):
    User.objects.bulk_create(
        User(username=f"user{number:03d}", email=f"u{number}@example.org") for number in range(300)
    )
    for user, role in zip(User.objects.filter(username__startswith="user")[:3],
                          ("owner", "editor", "viewer"), strict=True):  # fmt: skip
        Member.objects.create(study=open_study, user=user, role=role)
    with django_assert_max_num_queries(8):
        shown = head.get(reverse("people")).content.decode()
    assert "Page 1 of 7" in shown
    assert all(f"{role} of 1" in shown for role in ("owner", "editor", "viewer"))
    last = head.get(reverse("people"), {"page": 7}).content.decode()
    assert "user299" in last
    assert "user001" not in last


def test_accounts_are_found_by_name_or_address_and_put_in_order(head):
    User.objects.create_user("bert", email="robert@example.org")
    User.objects.create_user("cora")
    found = head.get(reverse("people"), {"search": "ROBERT"}).content.decode()
    assert "bert" in found
    assert "cora" not in found
    new = head.get(reverse("people"), {"sort": "new"}).content.decode()
    assert new.index(">cora<") < new.index(">bert<")
    assert "No account has that" in head.get(reverse("people"), {"search": "zz"}).content.decode()
    for odd in ({"sort": "password"}, {"page": "x"}, {"search": "%"}):
        assert head.get(reverse("people"), odd).status_code == 200


def test_an_address_is_given_with_a_new_account_and_changed_in_the_list(head):
    head.post(reverse("people"), {"username": "anna", "email": "anna@example.org"})
    anna = User.objects.get(username="anna")
    assert anna.email == "anna@example.org"
    twice = head.post(reverse("people"), {"username": "bert", "email": "ANNA@example.org"})
    assert twice.status_code == 400
    assert "Another account has this mail address" in twice.content.decode()
    moved = {"active": "on", "mail": "a@example.org", "search": "an", "page": "1"}
    answer = head.post(reverse("change_person", args=[anna.pk]), moved)
    assert answer["Location"] == "/people/?search=an&page=1"
    anna.refresh_from_db()
    assert anna.email == "a@example.org"
    head.post(reverse("change_person", args=[anna.pk]), {"active": "on", "mail": "nonsense"})
    anna.refresh_from_db()
    assert anna.email == "a@example.org"
    assert "nonsense is no mail address" in head.get(reverse("people")).content.decode()


# The command


def test_a_letter_is_tried_by_a_command(box, capsys, settings):
    call_command("mail_test", "me@example.org")
    assert "took a letter" in capsys.readouterr().out
    assert box.wait()["To"] == "me@example.org"
    with pytest.raises(CommandError, match="no mail address"):
        call_command("mail_test", "me")
    settings.EMAIL_PORT = 1
    with pytest.raises(CommandError, match="cannot be reached"):
        call_command("mail_test", "me@example.org")


def test_a_server_that_quotes_the_address_tells_it_to_no_log(box, caplog):
    box.refuse = lambda address: f"550 <{address.upper()}>: who is that"
    mail.deliver("anna@example.org", "Subject", "Text")
    assert "550" in caplog.text
    assert "anna@" not in caplog.text.lower()


def test_of_two_clicks_on_a_new_account_the_second_is_refused(db):
    people.make("anna", catalogue=False, by=By())
    with pytest.raises(ValueError, match="There is an account of that name"):
        people.make("Anna", catalogue=False, by=By())
    assert User.objects.count() == 1
