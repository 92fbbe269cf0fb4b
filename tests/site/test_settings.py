"""What is wrong with a setting is one sentence at the start, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from study.site import environment

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("https://x.org/study", "give it a host name of its own, as in https://study.x.org"),
        ("https://x.org/?a=b", "more than scheme, host and port"),
        ("https://x.org/?", "more than scheme, host and port"),
        ("https://x.org#top", "more than scheme, host and port"),
        ("https://me:secret@x.org", "more than scheme, host and port"),
        ("https://x.org /", "more than scheme, host and port"),
        (" https://x.org", "more than scheme, host and port"),
        ("https://*", "more than scheme, host and port"),
        ("https://.x.org", "more than scheme, host and port"),
        ("https://bücher.org", "more than scheme, host and port"),
        ("ftp://x.org", "is no address"),
        ("x.org", "is no address"),
        ("https://", "is no address"),
        ("https://x.org:99999", "is no address"),
        ("https://[::1", "is no address"),
    ],
)
def test_a_site_has_a_host_of_its_own_and_no_path(address, sentence):
    with pytest.raises(ImproperlyConfigured) as error:
        environment.site("SITE_URL", address)
    assert str(error.value).startswith(f"SITE_URL={address!r}")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("address", "url", "host"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "127.0.0.1"),
        ("HTTPS://Study.Example.org/", "https://study.example.org", "study.example.org"),
        ("https://x.org:443", "https://x.org", "x.org"),
        ("http://[::1]:8000", "http://[::1]:8000", "[::1]"),
    ],
)
def test_an_address_is_written_as_browsers_write_it(address, url, host):
    site = environment.site("SITE_URL", address)
    assert (site.url, site.host) == (url, host)


@pytest.mark.parametrize("default", [False, True])
def test_a_flag_that_is_not_set_is_what_a_clone_has(monkeypatch, default):
    for value, expected in (("", default), (" ", default), ("0", False), ("On", True)):
        monkeypatch.setenv("FETCH_WEIGHTS", value)
        assert environment.flag("FETCH_WEIGHTS", default) is expected
    monkeypatch.delenv("FETCH_WEIGHTS")
    assert environment.flag("FETCH_WEIGHTS", default) is default


def start(call: list[str], var: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {"VAR_DIR": str(var), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    return subprocess.run(
        [sys.executable, *call], cwd=ROOT, env={**os.environ, **own}, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip


WRONG = [
    ({"SITE_URL": "https://x.org/study"}, "SITE_URL="),
    ({"BEHIND_PROXY": "maybe"}, "BEHIND_PROXY='maybe' is neither yes nor no"),
    ({"STAFF_IDLE_HOURS": "0"}, "STAFF_IDLE_HOURS='0' is no whole number from 1 to 168"),
    ({"STAFF_IDLE_HOURS": "twelve"}, "STAFF_IDLE_HOURS="),
    ({"VAR_DIR": "{var}/file"}, "VAR_DIR={var}/file is a file; it names a folder"),
    ({"VAR_DIR": "{var}/file/below"}, "VAR_DIR={var}/file/below cannot be made: Not a directory"),
    ({"VAR_DIR": "/proc/none"}, "VAR_DIR=/proc/none cannot be made"),
    ({"STIMULI_DIR": "{var}/file"}, "STIMULI_DIR={var}/file is a file"),
    ({"DATABASE": "{var}"}, "DATABASE={var} is a folder; it names a file"),
    ({"DATABASE": "{var}/none/x.sqlite3"}, "there is no folder {var}/none; make it"),
    ({"DATABASE": "~nobody-here/x"}, "DATABASE=~nobody-here/x: "),
]


@pytest.mark.parametrize(("variables", "sentence"), WRONG, ids=lambda v: "" if v is str else None)
def test_a_wrong_setting_is_one_line_of_manage_py(tmp_path, variables, sentence):
    (tmp_path / "file").touch()
    given = {name: value.format(var=tmp_path) for name, value in variables.items()}
    ended = start(["manage.py", "migrate"], given.pop("VAR_DIR", tmp_path), **given)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error in the settings: ")
    assert sentence.format(var=tmp_path) in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


@pytest.mark.parametrize(
    "call", [["manage.py", "results", "x"], ["-m", "study.wsgi"], ["-m", "gunicorn", "study.wsgi"]]
)
def test_an_empty_key_is_one_line_however_the_site_is_started(tmp_path, call):
    (tmp_path / "secret_key").touch()
    preload = ["--preload", "--bind", "unix:" + str(tmp_path / "socket")] * ("gunicorn" in call)
    ended = start([*call, *preload], tmp_path)
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if "[INFO]" not in line]
    assert line.startswith(f"Error in the settings: {tmp_path}/secret_key is empty; remove it")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root becomes another")
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("private.home(others)", "VAR_DIR={others} cannot be written by this user"),
        ("private.home(others / 'new')", "VAR_DIR={others}/new cannot be made: Permission denied"),
        ("environment.file('DATABASE', others / 'x')", "{others} cannot be written by this user"),
        ("environment.file('DATABASE', others / 'shut/x')", "Permission denied"),
        ("environment.folder('STIMULI_DIR', others / 'shut/x')", "Permission denied"),
        ("private.secret_key(others / 'none')", "{others}/none cannot be read or made: Permission"),
        ("private.secret_key(others / 'key')", "{others}/key cannot be read or made: Permission"),
    ],
)
def test_what_this_user_may_not_read_or_write_is_one_sentence(tmp_path, call, sentence):
    """As nobody, who can load no program here any more, but go on with one that is loaded."""
    others = tmp_path / "others"
    (others / "shut").mkdir(parents=True)
    (others / "shut").chmod(0o700)
    (others / "key").write_text("secret")
    (others / "key").chmod(0o600)
    for folder in (others, tmp_path):
        folder.chmod(0o755)
    program = (
        "import os, sys; from pathlib import Path; from study.site import environment, private; "
        f"others = Path(sys.argv[1]); os.chroot(others.parent); others = Path('/others'); "
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        f"try: {call}\n"
        "except environment.ImproperlyConfigured as error: sys.exit(str(error))"
    )
    ended = start(["-c", program, str(others)], tmp_path)
    assert sentence.format(others="/others") in ended.stderr
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)


def test_ctrl_c_is_one_line_also_while_the_program_is_still_being_loaded(tmp_path):
    """A signal while a module is imported: the one that reads the settings."""
    hit = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
    (tmp_path / "hit.py").write_text(hit)
    ended = start(
        ["manage.py", "check"], tmp_path / "var",
        PYTHONPATH=str(tmp_path), DJANGO_SETTINGS_MODULE="hit",
    )  # fmt: skip
    assert ended.returncode == 128 + signal.SIGINT
    assert ended.stderr == "Stopped.\n"


# ---- What an address makes of the settings ----


def settings_with(var: Path, **variables: str) -> dict[str, object]:
    program = (
        "import json; from study import settings as s; "
        "print(json.dumps({n: getattr(s, n) for n in dir(s) if n.isupper()}, default=str))"
    )
    return dict(json.loads(start(["-c", program], var, **variables).stdout))


def test_https_secures_this_host_and_speaks_for_no_other(tmp_path):
    on = settings_with(tmp_path, SITE_URL="https://study.example.org")
    assert on["SESSION_COOKIE_NAME"] == "__Host-sessionid"
    assert on["SESSION_COOKIE_SECURE"] is True
    assert on["SECURE_HSTS_SECONDS"] == 31_536_000
    assert on["SECURE_SSL_HOST"] == "study.example.org"
    assert (on["SECURE_HSTS_INCLUDE_SUBDOMAINS"], on["SECURE_HSTS_PRELOAD"]) == (False, False)
    off = settings_with(tmp_path, SITE_URL="http://127.0.0.1:8000")
    assert off["SESSION_COOKIE_NAME"] == "sessionid"
    assert off["SECURE_HSTS_SECONDS"] == 0


def test_who_answers_for_a_domain_can_say_so(tmp_path):
    on = settings_with(
        tmp_path, SITE_URL="https://x.org", HSTS_INCLUDE_SUBDOMAINS="1", HSTS_PRELOAD="1"
    )
    assert (on["SECURE_HSTS_INCLUDE_SUBDOMAINS"], on["SECURE_HSTS_PRELOAD"]) == (True, True)
