"""Text that cannot be stored is refused with a sentence, wherever it stands."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from study.models import Deed

LINE = "multipart/form-data; boundary=line"
HALF = b"\xed\xa0\x80"
"""Half of a pair of surrogates, as UTF-8 would spell it."""


def form(name: bytes, value: bytes) -> bytes:
    return (
        b'--line\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value
        + b"\r\n--line--\r\n"
    )  # fmt: skip


def send(address: str, body: bytes, kind: str, client: Client | None = None):
    client = client or Client(raise_request_exception=False)
    return client.generic("POST", address, body, kind)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"username=a%00b&password=x", "application/x-www-form-urlencoded"),
        (b"username=a&password=x%00", "application/x-www-form-urlencoded"),
        (b"username=a&password=x&next%00=/", "application/x-www-form-urlencoded"),
        (b"username=a&password=x", "application/x-www-form-urlencoded; charset=utf-7"),
        (form(b"username", b"a\x00b"), LINE),
        (form(b"username", rb"\ud800"), LINE + "; charset=raw_unicode_escape"),
        (form(b"username", HALF), LINE + "; charset=utf-16-le"),
        (form(b"username", b"a"), LINE + "; charset=rot13"),
        (b"x", "multipart/form-data"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["login", "screening", "start"])
def test_a_form_that_cannot_be_stored_is_400(rater_client, name, body, kind):
    rater_client.raise_request_exception = False
    answer = send(reverse(name), body, kind, rater_client)
    assert answer.status_code == 400
    assert b"<h1>This cannot be used</h1>" in answer.content
    assert not Deed.objects.filter(kind=Deed.Kind.REFUSED).exists()


@pytest.mark.parametrize("address", ["/r/a%00b/", "/rate/image/%00", "/?x=%00", "/login/?next=%00"])
def test_an_address_that_cannot_be_stored_is_400_in_the_visitors_language(db, address):
    client = Client(headers={"Accept-Language": "de"}, raise_request_exception=False)
    answer = client.get(address)
    assert answer.status_code == 400
    assert "Zeichen, die sich nicht speichern lassen" in answer.content.decode()


@pytest.mark.parametrize("address", ["/r/%ED%A0%80/", "/r/%FF/", "/rate/image/%ED%A0%80"])
def test_bytes_that_are_no_text_lead_nowhere(db, address):
    assert Client(raise_request_exception=False).get(address).status_code in {401, 404}


def test_a_host_that_is_not_ours_is_told_so_before_anything_else(db):
    answer = Client().get("/", HTTP_HOST="evil.example")
    assert answer.status_code == 400
    assert answer.content == b"What was sent cannot be used.\n"


def test_what_people_write_is_let_through(db):
    answer = Client().post(reverse("login"), {"username": "Žofie 🦊 Å", "password": "x\ty"})
    assert answer.status_code == 200
    assert Deed.objects.get().account == "Žofie 🦊 Å"
