"""A benchmark set comes in by a form: from a copy that somebody has, or from what is known."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from benchmarks import datasets
from study.desk import uploads, work
from study.models import Deed, Job


@pytest.fixture
def admin(client, settings, tmp_path, db):
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    client.force_login(User.objects.create_superuser("head"))
    return client


def brought(client, **fields) -> Job:
    page = client.get(reverse("add", args=["benchmark"]))
    address = page.content.decode().split('action="')[-1].split('"')[0]
    assert client.post(address, fields).status_code == 302
    done = work.carry_out(Job.objects.get().pk, explain=str)
    assert done is not None
    return done


def test_samples_need_neither_a_copy_nor_a_network(admin, settings):
    done = brought(admin, name="Samples")
    assert (done.state, done.told) == ("done", "Samples is here, 5 of its images are new.")
    assert datasets.is_there(settings.BENCHMARKS_DIR, "Samples")
    assert Deed.objects.get(kind=Deed.Kind.ADDED).details["name"] == "Samples"


def test_a_copy_with_other_names_is_known_by_its_pixels(
    admin, settings, benchmarks_dir, django_capture_on_commit_callbacks
):
    files = [
        SimpleUploadedFile(f"photo{number}.png", path.read_bytes())
        for number, path in enumerate(sorted((benchmarks_dir / "Set5").rglob("*.png"))[:5])
    ]
    with django_capture_on_commit_callbacks(execute=True):
        done = brought(admin, name="Set5", upload=files)
    assert done.state == "done", done.told
    assert datasets.is_there(settings.BENCHMARKS_DIR, "Set5")
    assert not any(uploads.folder().iterdir())


def test_what_is_no_copy_is_told_by_name_and_is_kept_to_be_tried_otherwise(admin, generated):
    path = next((generated / "benchmarks" / "Samples").glob("*.png"))
    done = brought(admin, name="Set5", upload=[SimpleUploadedFile("a.png", path.read_bytes())])
    assert done.state == "failed"
    assert "Set5 lacks 5 of 5 images" in done.told
    assert "--source" not in done.told


def test_a_set_that_is_here_is_not_offered(admin):
    brought(admin, name="Samples")
    page = admin.get(reverse("add", args=["benchmark"])).content.decode()
    assert 'value="Set5"' in page
    assert 'value="Samples"' not in page
