"""Mail by a server of the environment: what is set is checked, what is sent is one safe letter."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from study.site import mail
from study.site.environment import mail_address, mail_server
from tests.letterbox import FROM, letterbox, sent_by

SECRET = "s3cret%2Fword"


@pytest.fixture
def box(settings):
    with letterbox() as box:
        sent_by(settings, box)
        yield box


def send(*args: str, **kwargs: str) -> None:
    with mail.server() as connection:
        mail.send(connection, *args, **kwargs)


@pytest.mark.parametrize(
    "value",
    [
        f"http://lab:{SECRET}@mail.example.org",
        f"smtp://lab:{SECRET}@",
        f"smtp://lab:{SECRET}@mail.example.org:0",
        f"smtp://lab:{SECRET}@mail.example.org:99999",
        "smtp://lab:s3cret/word@mail.example.org",
        f"smtp://lab:{SECRET}@mail.example.org/inbox",
        f"smtp://lab:{SECRET}@mail.example.org?a=b",
        f"smtp://lab:{SECRET}@mail.example.org\n",
        f"smtp://:{SECRET}@mail.example.org",
        "smtp://lab@mail.example.org",
        f"smtp+plain://lab:{SECRET}@mail.example.org",
        f"lab:{SECRET}@mail.example.org",
    ],
)
def test_what_names_no_mail_server_is_refused_in_a_sentence_without_its_password(value):
    with pytest.raises(ImproperlyConfigured, match=r"^MAIL_URL ") as refused:
        mail_server("MAIL_URL", value)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_mail_server_is_read_with_the_port_of_its_kind_and_a_password_of_any_signs():
    server = mail_server("MAIL_URL", "smtp://lab%40example.org:a%2Fb%40c@Mail.example.org")
    assert server == ("smtp", "mail.example.org", 587, "lab@example.org", "a/b@c")
    assert "a/b@c" not in repr(server)
    assert mail_server("MAIL_URL", "smtps://a:b@h.example:2465")[3:] == ("a", "b")
    assert mail_server("MAIL_URL", "smtps://a:b@h.example").port == 465
    assert mail_server("MAIL_URL", "smtp+plain://localhost").port == 25
    assert mail_server("MAIL_URL", "") is None


@pytest.mark.parametrize(
    "value", ["study", "a@b", "a@example.org, b@example.org", "a@example.org\nBcc: b@example.org"]
)
def test_what_is_no_address_to_send_from_is_refused(value):
    with pytest.raises(ImproperlyConfigured, match="is no mail address; use one as"):
        mail_address("MAIL_FROM", value)


@pytest.mark.parametrize(
    ("set_to", "said"),
    [
        ({"MAIL_URL": "smtp://a:b@h.example"}, "MAIL_URL and MAIL_FROM go together"),
        ({"MAIL_FROM": "study@example.org"}, "MAIL_URL and MAIL_FROM go together"),
        ({"MAIL_URL": "smtp://a:b/c@h", "MAIL_FROM": "a@example.org"}, "no address of a mail"),
    ],
)
def test_a_site_that_is_half_set_does_not_start(set_to, said, tmp_path):
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=root, text=True, capture_output=True,
        env=os.environ | {"VAR_DIR": str(tmp_path)} | set_to, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr
    assert "b/c" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_a_server_nothing_is_sent_anywhere(settings):
    assert not mail.configured()
    with pytest.raises(mail.NotSent, match="MAIL_URL is not set"):
        send("a@example.org", "Subject", "Body")


def test_a_letter_says_whose_it_is_and_that_no_person_wrote_it(box, settings):
    settings.SITE_URL = "https://study.example.org:8443"
    body = "Grüße,\n\n" + "a long line " * 40 + "\nhttps://study.example.org/r/abc"
    send("rater@example.org", "Einladung: schöne Bilder", body, reply_to=" me@example.org")
    letter = box.came[0]
    assert letter["From"] == FROM
    assert letter["To"] == "rater@example.org"
    assert letter["Subject"] == "Einladung: schöne Bilder"
    assert letter["Reply-To"] == "me@example.org"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Message-ID"].endswith("@study.example.org>")
    assert letter["Date"]
    assert letter.get_content_type() == "text/plain"
    assert letter.get_content_charset() == "utf-8"
    assert letter.get_content().replace("\r\n", "\n").rstrip() == body
    assert letter.as_bytes().isascii()


def test_answers_go_to_no_contact_that_is_no_address(box):
    send("rater@example.org", "Subject", "Body", reply_to="telephone 0123, a@example.org")
    assert box.came[0]["Reply-To"] is None


@pytest.mark.parametrize(
    ("to", "subject"),
    [("a@example.org", "Hello\nBcc: b@example.org"), ("a@example.org\nBcc: b@example.org", "Hi")],
)
def test_no_header_can_be_slipped_in(box, to, subject):
    with pytest.raises(ValueError, match="newlines"):
        send(to, subject, "Body")
    assert box.came == []


def test_what_the_server_refuses_is_told_and_whether_it_may_help_to_wait(box):
    box.refuse = lambda address: {"a": "451 try later", "b": "550 no such user"}.get(address[0], "")
    with pytest.raises(mail.NotSent, match=r"refused it \(451\): try later") as later:
        send("a@example.org", "Subject", "Body")
    assert later.value.passing
    with pytest.raises(mail.NotSent, match=r"refused it \(550\): no such user") as never:
        send("b@example.org", "Subject", "Body")
    assert not never.value.passing
    send("c@example.org", "Subject", "Body")
    assert box.to == ["c@example.org"]


def test_a_server_that_says_the_password_is_not_quoted(box, settings):
    settings.EMAIL_HOST_PASSWORD = "s3cret"
    box.refuse = lambda _address: "550 you said s3cret"
    with pytest.raises(mail.NotSent, match=r"you said \.\.\.$"):
        send("a@example.org", "Subject", "Body")


def test_a_server_that_is_not_there_is_told(box, settings):
    settings.EMAIL_PORT = 1
    with pytest.raises(mail.Unreachable, match="cannot be reached: Connection refused") as error:
        send("a@example.org", "Subject", "Body")
    assert error.value.passing


@pytest.fixture
def certificate(tmp_path) -> Path:
    path = tmp_path / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(path),
         "-out", str(tmp_path / "cert.pem"), "-subj", "/CN=127.0.0.1", "-days", "2",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + (tmp_path / "cert.pem").read_bytes())
    return path


def test_an_account_is_told_to_a_server_by_tls_alone_and_to_none_that_is_not_known(
    settings, certificate, monkeypatch
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with letterbox(context=context) as box:
        sent_by(settings, box)
        settings.EMAIL_USE_TLS = True
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "lab", "right: /@"
        with pytest.raises(mail.Unreachable, match=r"no safe connection.*self-signed"):
            send("a@example.org", "Subject", "Body")
        assert box.signed_in == []

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        send("a@example.org", "Subject", "Body")
        assert box.signed_in == [("lab", "right: /@")]
        assert box.to == ["a@example.org"]

        settings.EMAIL_HOST_PASSWORD = "wrong one"
        with pytest.raises(mail.Unreachable, match=r"refused the account of MAIL_URL.*535") as no:
            send("a@example.org", "Subject", "Body")
        assert not no.value.passing
        assert "wrong one" not in str(no.value)


def test_an_account_is_not_told_to_a_server_without_tls(box, settings):
    settings.EMAIL_USE_TLS = True
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "lab", "right: /@"
    with pytest.raises(mail.Unreachable, match="no STARTTLS"):
        send("a@example.org", "Subject", "Body")
    assert box.signed_in == []


@pytest.mark.parametrize("said", ["what is this", "250 " + 9000 * "y"])
def test_an_answer_to_a_letter_that_is_none_leaves_it_in_doubt(box, said):
    box.at_data = lambda: said
    with mail.server() as connection, pytest.raises(mail.Unknown, match="cannot be read"):
        mail.send(connection, "a@example.org", "Subject", "Text")
