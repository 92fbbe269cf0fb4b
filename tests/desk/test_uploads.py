"""Files come whole or not at all, go on where they broke off, and lead nowhere else."""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from benchmarks.files import encode_png
from study.desk import jobs, uploads
from study.models import Deed, Job
from study.models.deeds import By
from study.site.admission import admission
from tests.own_material import photographs


@pytest.fixture
def curator(db, settings, tmp_path) -> User:
    """Somebody who may add to the catalogue, which is empty."""
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    user = User.objects.create_user("curator", password="x")
    user.user_permissions.add(Permission.objects.get(codename="add_to_catalogue"))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def signed_in(curator) -> Client:
    client = Client()
    client.force_login(curator)
    return client


PHOTOGRAPHS = {f"{name}.png": encode_png(image) for name, image in photographs("abc").items()}


def send(
    signed_in: Client, upload: str, name: str, piece: bytes, *, size: int = 0, offset: int = 0,
    mark: str = "1",
) -> Any:  # fmt: skip
    question = urlencode({"name": name, "size": size, "mark": mark, "offset": offset})
    return signed_in.post(
        f"{reverse('upload', args=[upload])}?{question}", piece,
        content_type="application/octet-stream",
    )  # fmt: skip


def begun(signed_in: Client) -> str:
    return signed_in.post(reverse("begin_upload")).json()["id"]


def there(signed_in: Client, upload: str) -> dict[str, tuple[int, int]]:
    found = signed_in.get(reverse("upload", args=[upload])).json()["files"]
    return {name: (size, bytes_) for name, size, _, bytes_ in found}


def stored(upload: str) -> dict[str, bytes]:
    home = uploads.folder() / upload
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file()
    }


def bring(signed_in: Client, user: User, what: str = "set", **fields: Any) -> Any:
    address = reverse("bring", args=[admission(user.pk), what])
    return signed_in.post(address, {"scale": "4", "references": "yes", **fields})


def picked(*names: str) -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(name, PHOTOGRAPHS[name]) for name in names]


def test_a_file_in_pieces_is_whole_at_the_last_one_and_not_before(signed_in):
    upload, whole = begun(signed_in), PHOTOGRAPHS["a.png"]
    assert send(signed_in, upload, "in/a.png", whole[:9], size=len(whole)).json() == {"there": 9}
    assert stored(upload) == {}
    assert there(signed_in, upload) == {"in/a.png": (len(whole), 9)}
    last = send(signed_in, upload, "in/a.png", whole[9:], size=len(whole), offset=9)
    assert last.json() == {"there": len(whole)}
    assert stored(upload) == {"in/a.png": whole}


def test_a_piece_that_came_already_or_comes_too_early_is_told_where_to_go_on(signed_in):
    upload = begun(signed_in)
    send(signed_in, upload, "a.png", b"1234", size=8)
    for offset in (0, 6):
        refused = send(signed_in, upload, "a.png", b"5", size=8, offset=offset)
        assert (refused.status_code, refused.json()["there"]) == (409, 4)
    assert send(signed_in, upload, "a.png", b"5678", size=8, offset=4).status_code == 200
    assert stored(upload) == {"a.png": b"12345678"}


def test_another_file_of_the_same_name_takes_its_place_and_mixes_with_nothing(signed_in):
    upload = begun(signed_in)
    send(signed_in, upload, "a.png", b"1234", size=8, mark="of Monday")
    refused = send(signed_in, upload, "a.png", b"5678", size=8, offset=4, mark="of Tuesday")
    assert (refused.status_code, refused.json()["there"]) == (409, 0)
    send(signed_in, upload, "a.png", b"abcdefgh", size=8, mark="of Tuesday")
    assert stored(upload) == {"a.png": b"abcdefgh"}


@pytest.mark.parametrize(
    "name",
    ["../a.png", "/etc/a.png", "a/../../b.png", "a\\b.png", "", ".", "a//b.png", "a\nb.png",
     ".hidden/a.png", "x" * 201, "/".join("abcdefghi"), "\u202egnp.a"],
)  # fmt: skip
def test_a_name_that_leads_out_or_is_none_is_refused_with_a_sentence(signed_in, name):
    upload = begun(signed_in)
    before = sorted(Path(uploads.folder()).rglob("*"))
    refused = send(signed_in, upload, name, b"1", size=1)
    assert refused.status_code == 400
    assert "rename it" in refused.json()["error"]
    assert sorted(Path(uploads.folder()).rglob("*")) == before


def test_a_large_piece_is_taken_at_an_address_that_was_signed_for_who_sends_it(signed_in, curator):
    upload, piece = begun(signed_in), b"x" * 1_000_000
    question = urlencode({"name": "a.zip", "size": len(piece), "mark": "1", "offset": 0})
    for signature, status in ((admission(0), 403), ("", 404), (admission(curator.pk), 200)):
        address = f"/catalogue/bring/{signature}/piece/{upload}?{question}"
        answer = signed_in.post(address, piece, content_type="application/octet-stream")
        assert answer.status_code == status
    assert stored(upload) == {"a.zip": piece}


def test_names_that_differ_in_case_or_in_signs_taken_apart_are_one(signed_in):
    upload = begun(signed_in)
    assert send(signed_in, upload, "caf\u00e9.png", b"12", size=2).status_code == 200
    assert send(signed_in, upload, "cafe\u0301.png", b"", size=2, offset=2).status_code == 200
    refused = send(signed_in, upload, "Caf\u00e9.png", b"12", size=2)
    assert (refused.status_code, "case" in refused.json()["error"]) == (400, True)
    assert stored(upload) == {"caf\u00e9.png": b"12"}


def test_an_upload_is_its_owners_alone_and_its_name_is_no_path(signed_in, curator):
    upload = begun(signed_in)
    other = User.objects.create_superuser("other", password="x")
    stranger = Client()
    stranger.force_login(other)
    for key in (upload, "..", "told.json"):
        assert send(stranger, key, "a.png", b"1", size=1).status_code == 404
    assert stranger.post(reverse("forget_upload", args=[upload])).status_code == 200
    assert there(signed_in, upload) == {}, "it is there still"
    signed_in.post(reverse("forget_upload", args=[upload]))
    assert list(uploads.folder().iterdir()) == []


def test_an_upload_is_no_larger_than_the_limit(signed_in, settings):
    settings.UPLOAD_LIMIT_GB, gigabyte = 1, 1 << 30
    upload = begun(signed_in)
    send(signed_in, upload, "a.png", b"1", size=gigabyte - 10)
    refused = send(signed_in, upload, "b.png", b"1", size=11)
    assert (refused.status_code, "UPLOAD_LIMIT_GB" in refused.json()["error"]) == (413, True)
    assert send(signed_in, upload, "a.png", b"1" * 5, size=5, mark="smaller").status_code == 200
    assert send(signed_in, upload, "b.png", b"1" * 11, size=11).status_code == 200


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_a_piece_is_taken_back_and_the_upload_goes_on_later(signed_in):
    large, first = 48 << 20, 150_000
    upload = begun(signed_in)
    piece = b"x" * first
    assert send(signed_in, upload, "a.zip", piece, size=large).status_code == 200
    (part,) = (uploads.folder() / f".{upload}" / "parts").iterdir()
    os.truncate(part, large - first)  # as if the pieces between had come
    with files_of_at_most(large - first // 2):
        refused = send(signed_in, upload, "a.zip", piece, size=large, offset=large - first)
    assert (refused.status_code, "disk is full" in refused.json()["error"]) == (507, True)
    assert part.stat().st_size == large - first
    again = send(signed_in, upload, "a.zip", piece, size=large, offset=large - first)
    assert again.json() == {"there": large}


def test_nothing_is_begun_that_would_leave_no_room_for_votes(signed_in, settings):
    settings.UPLOAD_LIMIT_GB = 1_000_000
    upload = begun(signed_in)
    refused = send(signed_in, upload, "a.zip", b"1", size=1 << 49)
    assert (refused.status_code, "left for votes" in refused.json()["error"]) == (507, True)
    assert there(signed_in, upload) == {}


def test_what_broke_off_brings_nothing_into_the_catalogue(signed_in, curator):
    upload = begun(signed_in)
    send(signed_in, upload, "a.png", PHOTOGRAPHS["a.png"][:9], size=999)
    page = bring(signed_in, curator, name="streets", upload=upload)
    assert page.status_code == 400
    assert "a.png is not whole yet" in page.content.decode()
    assert not Job.objects.exists()


def test_whole_pieces_become_a_job_with_what_the_form_says(signed_in, curator):
    upload = begun(signed_in)
    for name, content in PHOTOGRAPHS.items():
        send(signed_in, upload, name, content, size=len(content))
    asked = bring(signed_in, curator, name="streets", title="Streets", upload=upload, scale="2")
    job = Job.objects.get()
    assert asked["Location"] == job.get_absolute_url()
    assert (job.kind, job.what) == (
        Job.Kind.ADD_SET,
        {
            "name": "streets", "title": "Streets", "license": "", "scale": 2, "references": True,
            "pattern": "", "lr_pattern": "", "as_they_are": False, "upload": upload,
            "lr_upload": "",
        },
    )  # fmt: skip
    assert Deed.objects.get().kind == Deed.Kind.ASKED


def test_a_plain_form_brings_files_in_their_folders_without_a_script(signed_in, curator):
    files = picked("a.png", "b.png")
    asked = bring(signed_in, curator, name="streets", upload=[*files, _hidden()])
    (job,) = Job.objects.all()
    assert asked.status_code == 302
    assert stored(job.what["upload"]) == {name: PHOTOGRAPHS[name] for name in ("a.png", "b.png")}
    page = signed_in.get(reverse("add", args=["outputs"]))
    assert page.content.count(b"webkitdirectory") == 1
    body = _multipart("Set5/a.png", PHOTOGRAPHS["a.png"])
    address = reverse("bring", args=[admission(curator.pk), "outputs"])
    signed_in.post(address, body, content_type="multipart/form-data; boundary=b")
    (upload,) = (each.what["upload"] for each in Job.objects.filter(kind=Job.Kind.ADD_OUTPUTS))
    assert stored(upload) == {"Set5/a.png": PHOTOGRAPHS["a.png"]}


def _hidden() -> SimpleUploadedFile:
    """What macOS puts into a folder of photographs."""
    return SimpleUploadedFile(".DS_Store", b"x")


def _multipart(name: str, content: bytes) -> bytes:
    def part(what: str, value: bytes) -> bytes:
        return b"--b\r\nContent-Disposition: form-data; " + what.encode() + b"\r\n\r\n" + value

    file = part(f'name="upload"; filename="{name}"', content)
    return b"\r\n".join([part('name="name"', b"ours"), file, b"--b--\r\n"])


def test_a_form_with_a_mistake_keeps_the_files_and_says_it_at_the_field(signed_in, curator):
    page = bring(signed_in, curator, name="Set5", upload=picked("a.png"))
    text = page.content.decode()
    assert page.status_code == 400
    assert "Set5 is a set that comes with this product" in text
    assert "1 file (" in text
    (upload,) = (path.name for path in uploads.folder().iterdir() if path.name[0] != ".")
    assert bring(signed_in, curator, name="streets", upload=[upload, ""]).status_code == 302
    assert Job.objects.get().what["upload"] == upload


def test_two_files_of_one_name_in_a_form_are_refused_and_none_is_kept(signed_in, curator):
    page = bring(signed_in, curator, name="streets", upload=picked("a.png", "b.png", "a.png"))
    assert "a.png is there twice" in page.content.decode()
    assert list(uploads.folder().iterdir()) == []


@pytest.mark.parametrize(
    ("what", "fields", "said"),
    [
        ("set", {"name": "street s"}, "cannot be the name of a set"),
        ("set", {"name": ""}, "This field is required"),
        ("set", {"name": "s"}, "There is no file"),
        ("set", {"name": "s", "pattern": "x"}, "it needs one {}"),
        ("outputs", {"name": "bicubic"}, "built-in method bicubic"),
        ("outputs", {"name": "o", "sets": "Set5 Set6"}, "there is no image set &#x27;Set6&#x27;"),
        ("model", {"name": "hr"}, "it stands for the original"),
        ("model", {"name": "m", "scale": "5"}, "Select a valid choice"),
    ],
)
def test_what_can_be_said_at_once_is_said(signed_in, curator, what, fields, said):
    page = bring(signed_in, curator, what, **fields)
    assert (page.status_code, said in page.content.decode()) == (400, True)
    assert not Job.objects.exists()


def test_signs_that_cannot_be_seen_are_told_at_their_field(signed_in, curator):
    answer = bring(signed_in, curator, name="mine", title="a\u202eb", pattern="\u202e{}")
    assert answer.status_code == 400
    assert answer.content.decode().count("signs that cannot be seen") == 2


def test_a_job_of_a_number_that_there_can_be_none_of_fills_no_form(signed_in):
    assert signed_in.get(f"{reverse('add', args=['set'])}?again={'9' * 5000}").status_code == 200


def test_files_are_taken_from_nobody_but_whom_the_form_was_made_for(signed_in, curator, outsider):
    stranger = Client()
    stranger.force_login(outsider)
    for client, signature in (
        (Client(), admission(curator.pk)), (stranger, admission(curator.pk)),
        (stranger, admission(outsider.pk)), (signed_in, f"{curator.pk}:1:x"),
    ):  # fmt: skip
        address = reverse("bring", args=[signature, "set"])
        refused = client.post(address, {"name": "s", "upload": picked("a.png")})
        assert refused.status_code == 403
    assert not uploads.folder().exists()
    assert stranger.post(reverse("begin_upload")).status_code == 403
    assert stranger.get(reverse("add", args=["set"])).status_code == 403


def test_files_of_a_form_without_its_token_are_gone_at_once(curator):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(curator)
    address = reverse("bring", args=[admission(curator.pk), "set"])
    refused = strict.post(address, {"name": "s", "upload": picked("a.png")})
    assert refused.status_code == 403
    assert list(uploads.folder().iterdir()) == []


def test_what_nobody_goes_on_with_is_swept_away_but_what_a_job_waits_for(signed_in, curator):
    kept, needed, old = (begun(signed_in) for _ in range(3))
    for upload in (needed, old):
        for place in (uploads.folder() / upload, uploads.folder() / f".{upload}"):
            for path in (place, *place.iterdir()):
                os.utime(path, (0, time.time() - uploads.KEPT_FOR - 60))
    assert uploads.forget_old({needed}) == 1
    assert {path.name.strip(".") for path in uploads.folder().iterdir()} == {kept, needed}
    assert there(signed_in, kept) == {}


def left_at(signed_in: Client, what: str = "set") -> list[str]:
    page = signed_in.get(reverse("add", args=[what])).content.decode()
    return re.findall(r'data-left="([^"]*)"', page)


def test_what_was_left_behind_on_another_day_is_gone_on_with_where_its_form_is_opened_anew(
    signed_in, curator
):
    (key,) = re.findall(
        r'data-of="([^"]*)"[^>]* data-place="upload"',
        signed_in.get(reverse("add", args=["set"])).content.decode(),
    )
    empty, upload, other = (
        signed_in.post(f"{reverse('begin_upload')}?{urlencode({'of': of})}").json()["id"]
        for of in (key, key, "add model upload")
    )
    for each in (upload, other):
        send(signed_in, each, "a.png", b"12", size=4)
    assert left_at(signed_in) == [], "another window may be at it"
    for each in (empty, upload, other):
        lock = uploads.folder() / f".{each}" / "lock"
        lock.touch()
        os.utime(lock, (0, time.time() - uploads.LEFT_ALONE - 60))
    assert left_at(signed_in) == [upload]
    stranger = Client()
    stranger.force_login(User.objects.create_superuser("other", password="x"))
    assert left_at(stranger) == []
    jobs.ask(Job.Kind.ADD_SET, by=By(curator, "curator"), upload=upload, name="streets")
    assert left_at(signed_in) == [], "a job has it"
