"""The door: guessing is slow and leaves a trace, and keeps nobody else from coming in or voting."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from study.models import Deed
from study.models.turns import alone
from study.site import sign_in

RIGHT, WRONG = "five plain words are long", "guessed"
HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"


class Counted(MD5PasswordHasher):
    """Tells how often a password was hashed."""

    done = 0

    def encode(self, *args, **kwargs):
        type(self).done += 1
        return super().encode(*args, **kwargs)


@pytest.fixture(autouse=True)
def _own_lock(settings, tmp_path, monkeypatch):
    settings.VAR_DIR = tmp_path
    settings.PASSWORD_HASHERS = [f"{__name__}.Counted"]
    monkeypatch.setattr(Counted, "done", 0)


@pytest.fixture
def anna(db) -> User:
    return User.objects.create_user("anna", password=RIGHT)


def attempt(password=WRONG, account="anna", address=HOME, client=None, **more):
    client = client or Client()
    given = {"username": account, "password": password, **more}
    return client.post(reverse("login"), given, REMOTE_ADDR=address)


def refused() -> int:
    return Deed.objects.filter(kind=Deed.Kind.REFUSED).count()


def later(minutes: float) -> None:
    """As if all that is written down had happened so many minutes earlier."""
    for deed in Deed.objects.all():
        Deed.objects.filter(pk=deed.pk).update(at=deed.at - timedelta(minutes=minutes))


def test_after_five_wrong_passwords_the_right_one_has_to_wait(anna):
    for _ in range(sign_in.OF_ACCOUNT_FROM_ADDRESS):
        assert attempt().status_code == 200
    answer = attempt(RIGHT)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 15 * 60 + 1
    assert b"Too many wrong passwords. Try again in 15 minutes." in answer.content
    later(15.1)
    assert attempt(RIGHT).status_code == 302


def test_who_is_turned_away_costs_no_hashing_and_no_row(anna):
    for _ in range(sign_in.OF_ACCOUNT_FROM_ADDRESS):
        attempt()
    hashed, rows = Counted.done, Deed.objects.count()
    for _ in range(30):
        assert attempt().status_code == 429
    assert (Counted.done, Deed.objects.count()) == (hashed, rows)


def test_failures_before_a_sign_in_are_forgiven(anna):
    for _ in range(3):
        for _ in range(sign_in.OF_ACCOUNT_FROM_ADDRESS - 1):
            assert attempt().status_code == 200
        assert attempt(RIGHT).status_code == 302


def test_one_address_that_tries_many_accounts_is_slowed(anna):
    for number in range(sign_in.OF_ADDRESS):
        assert attempt(account=f"name{number}").status_code == 200
    assert attempt(RIGHT).status_code == 429
    assert attempt(RIGHT, address=ELSEWHERE).status_code == 302


def test_of_ipv6_a_whole_household_counts_as_one_address(anna):
    for number in range(sign_in.OF_ACCOUNT_FROM_ADDRESS):
        attempt(address=str(ip_address("2001:db8:1:2::") + 2**40 * number))
    assert attempt(RIGHT, address="2001:db8:1:2:ffff::1").status_code == 429
    assert attempt(RIGHT, address="2001:db8:1:3::1").status_code == 302


def test_many_computers_that_guess_together_do_not_lock_a_researcher_out_at_home(anna):
    assert attempt(RIGHT).status_code == 302
    later(24 * 60)
    for number in range(sign_in.OF_ACCOUNT):
        assert attempt(address=f"10.0.{number}.1").status_code == 200
    assert attempt(RIGHT, address=ELSEWHERE).status_code == 429
    assert attempt(RIGHT).status_code == 302


def test_an_unknown_account_and_an_inactive_one_take_the_same_way_as_a_wrong_password(anna):
    User.objects.create_user("gone", password=RIGHT, is_active=False)
    seen = set()
    for account, password in (("anna", WRONG), ("nobody", WRONG), ("gone", RIGHT)):
        Counted.done = 0
        answer = attempt(password, account)
        page = re.sub(r'value="\w{64}"', "", answer.content.decode()).replace(account, "X")
        seen.add((answer.status_code, Counted.done, page))
    ((status, hashed, _),) = seen
    assert (status, hashed) == (200, 1)
    for account in ("nobody", "anna"):
        while (answer := attempt(account=account)).status_code == 200:
            pass
        assert answer.status_code == 429


def test_the_log_tells_who_came_in_from_where_and_who_did_not(anna):
    attempt(address="::ffff:203.0.113.7")
    client = Client()
    attempt(RIGHT, client=client)
    client.post(reverse("logout"), REMOTE_ADDR=HOME)
    told = Deed.objects.values_list("kind", "account", "address", "user")
    assert list(told) == [
        (Deed.Kind.REFUSED, "anna", HOME, None),
        (Deed.Kind.SIGNED_IN, "anna", HOME, anna.pk),
        (Deed.Kind.SIGNED_OUT, "anna", HOME, anna.pk),
    ]


def test_a_name_is_counted_as_it_is_read(anna):
    for name in ("anna", " anna", "anna ", "\uff41nna", "ann\uff41"):
        attempt(account=name)
    assert attempt(RIGHT).status_code == 429


def test_an_empty_field_is_no_failed_sign_in(anna):
    attempt(password="")
    assert refused() == 0


def test_a_name_longer_than_any_is_400(db):
    answer = attempt(account="a" * 151)
    assert answer.status_code == 400
    assert b"at most 150" in answer.content
    assert attempt(account="a" * 150).status_code == 200


def test_one_password_is_looked_at_at_a_time_and_the_next_is_told_to_come_back(
    anna, settings, monkeypatch
):
    monkeypatch.setattr(sign_in, "PATIENCE", 0)
    hashed = Counted.done
    with alone(settings.VAR_DIR / "sign-in-turn", patience=0):
        answer = attempt(RIGHT)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert b"Try again shortly" in answer.content
    assert (Counted.done, Deed.objects.count()) == (hashed, 0)
    assert attempt(RIGHT).status_code == 302


def test_no_more_than_two_of_a_process_wait_at_the_door(anna, monkeypatch):
    for _ in range(sign_in.QUEUE):
        assert sign_in._queue.acquire(blocking=False)
    try:
        assert attempt(RIGHT).status_code == 503
    finally:
        for _ in range(sign_in.QUEUE):
            sign_in._queue.release()


# ---- One door ----


def test_the_admin_is_reached_by_the_same_door(db):
    User.objects.create_superuser("root", password=RIGHT)
    client = Client()
    way = client.get("/admin/study/deed/", follow=True)
    assert way.redirect_chain[-1][0] == "/login/?next=%2Fadmin%2Fstudy%2Fdeed%2F"
    there = attempt(RIGHT, "root", client=client, next="/admin/study/deed/")
    assert there["Location"] == "/admin/study/deed/"
    assert client.get("/admin/login/?next=/admin/", follow=True).redirect_chain[-1][0] == "/admin/"
    assert client.get("/admin/password_change/")["Location"] == reverse("password")
    client.post("/admin/logout/")
    assert Deed.objects.filter(kind=Deed.Kind.SIGNED_OUT).count() == 1
    assert client.post("/admin/login/", {"username": "root", "password": RIGHT}).status_code == 302
    assert "_auth_user_id" not in client.session


def test_who_may_not_see_the_admin_is_told_so_and_not_sent_in_circles(anna):
    client = Client()
    client.force_login(anna)
    page = client.get("/admin/", follow=True)
    assert page.status_code == 200
    assert b"Your account may not see that page" in page.content


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_the_door_leads_nowhere_else(anna, address):
    assert attempt(RIGHT, next=address)["Location"] == reverse("studies")


# ---- One's own password ----


@pytest.fixture
def inside(anna) -> Client:
    client = Client()
    client.force_login(anna)
    return client


def change(client, old=RIGHT, new="six other words, and longer", again=None):
    given = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post(reverse("password"), given, REMOTE_ADDR=HOME)


def test_a_changed_password_ends_the_other_sessions_and_is_written_down(inside, anna):
    other = Client()
    other.force_login(anna)
    assert b'href="/account/"' in inside.get(reverse("studies")).content
    assert change(inside).status_code == 302
    assert inside.get(reverse("studies")).status_code == 200
    assert other.get(reverse("studies")).status_code == 302
    assert attempt("six other words, and longer").status_code == 302
    deed = Deed.objects.get(kind=Deed.Kind.PASSWORD)
    assert (deed.account, deed.address, deed.details) == ("anna", HOME, {})


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ("short", "at least 15 characters"),
        ("annalena.of.study", "too similar to the email address"),
        ("928374650192837465", "entirely numeric"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(inside, anna, new, sentence):
    User.objects.update(email="annalena.of.study@example.org")
    page = change(inside, new=new)
    assert sentence in page.content.decode()
    assert attempt(RIGHT).status_code == 302
    assert refused() == 0


def test_the_old_password_cannot_be_guessed_there_either(inside):
    for _ in range(sign_in.OF_ACCOUNT_FROM_ADDRESS):
        assert change(inside, old=WRONG).status_code == 200
    assert change(inside).status_code == 429
    assert refused() == sign_in.OF_ACCOUNT_FROM_ADDRESS


def test_a_password_that_an_admin_sets_is_written_down(anna):
    root, client = User.objects.create_superuser("root"), Client()
    client.force_login(root)
    address = reverse("admin:auth_user_password_change", args=[anna.pk])
    given = {"password1": "six other words, and longer", "usable_password": "true"}
    assert client.post(address, given | {"password2": "different"}).status_code == 200
    assert not Deed.objects.exists()
    assert client.post(address, given | {"password2": given["password1"]}).status_code == 302
    deed = Deed.objects.get()
    assert (deed.kind, deed.user, deed.details) == (Deed.Kind.PASSWORD, root, {"of": "anna"})
    profile = {"username": "anna", "first_name": "A", "date_joined_0": "2026-01-01",
               "date_joined_1": "00:00"}  # fmt: skip
    address = reverse("admin:auth_user_change", args=[anna.pk])
    assert client.post(address, profile).status_code == 302
    assert Deed.objects.count() == 1


def test_visitors_change_no_password(db):
    assert change(Client())["Location"].startswith(reverse("login"))


# ---- Where somebody comes from ----


@pytest.mark.parametrize(
    ("proxy", "forwarded", "address"),
    [
        (False, ELSEWHERE, HOME),
        (True, ELSEWHERE, ELSEWHERE),
        (True, f"192.0.2.1, {ELSEWHERE}", ELSEWHERE),
        (True, f"{ELSEWHERE}, nonsense", HOME),
        (True, None, HOME),
    ],
)
def test_the_address_is_the_clients_own_and_not_what_it_says(
    anna, settings, proxy, forwarded, address
):
    settings.BEHIND_PROXY = proxy
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    Client(headers=headers).post(
        reverse("login"), {"username": "anna", "password": WRONG}, REMOTE_ADDR=HOME
    )
    assert Deed.objects.get().address == address


def test_a_password_upgrade_at_the_door_is_no_deed(anna, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher", f"{__name__}.Counted",
    ]  # fmt: skip
    attempt(RIGHT)
    assert [deed.kind for deed in Deed.objects.all()] == [Deed.Kind.SIGNED_IN]
    assert Deed.objects.get().at <= timezone.now()
