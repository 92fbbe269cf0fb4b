"""The cast of the tests: an owner, an outsider, and a small study of real photographs."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.test import Client

from benchmarks.files import encode_png, read_image
from benchmarks.perceptual import ALEXNET
from study.desk import links, studies
from study.models import Invitation, Rater, Study, StudyStimulus, Trial
from study.rating import sessions
from tests.own_site import make_outputs

# The programs that tests start fetch nothing either, and do no long work beside what they are for.
os.environ["FETCH_WEIGHTS"] = os.environ["WORKER"] = "0"
# A shell's background and nohup ignore these, and so would the programs that tests interrupt. What
# is handled here is as by default there.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, lambda *_: None),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)
collect_ignore = ["minimal.py"]
"""A Django site of its own, which cannot be imported into this one."""
METHODS = ("nearest", "bicubic", "hr")
SOURCES = 2


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A database of this run's own: the suite is made of several at a time."""
    database: Any = configured.DATABASES["default"]
    database["TEST"]["NAME"] = tmp_path_factory.mktemp("db") / "test.sqlite3"


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``benchmarks`` (the Samples set) and ``outputs`` (without the networks)."""
    root = tmp_path_factory.mktemp("generated")
    make_outputs(root, METHODS)
    return root


@pytest.fixture(scope="session")
def calibration_dir(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten images that are in no study: crops of one photograph."""
    folder = tmp_path_factory.mktemp("calibration")
    whole = read_image(next((generated / "benchmarks" / "Samples").glob("*.png")))
    for place in range(10):
        top = 8 * place
        (folder / f"c{place}.png").write_bytes(encode_png(whole[top : top + 61, 8:80]))
    return folder


def _folder(variable: str, holds: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set: the folder that holds {holds}")
    return Path(value).resolve()


@pytest.fixture(scope="session")
def benchmarks_dir() -> Path:
    """The real benchmark sets."""
    return _folder("BENCHMARKS_DIR", "Set5, Set14 and BSD100")


@pytest.fixture(scope="session")
def perceptual_dir() -> Path:
    """The feature networks of others."""
    return _folder("PERCEPTUAL_WEIGHTS_DIR", "the weights of AlexNet, VGG16 and VGG19")


@pytest.fixture
def alexnet_dir(perceptual_dir: Path, tmp_path: Path) -> Path:
    """A folder with AlexNet alone: LPIPS is quick, DISTS takes a second an image."""
    folder = tmp_path / "alexnet"
    folder.mkdir()
    (folder / ALEXNET.file).symlink_to(perceptual_dir / ALEXNET.file)
    return folder


@pytest.fixture(scope="session")
def sr_reference_dir() -> Path:
    """Result tables that other super-resolution projects published."""
    return _folder("SR_REFERENCE_DIR", "result tables of other super-resolution projects")


@pytest.fixture(autouse=True)
def _own_folders(settings, tmp_path, tmp_path_factory):
    """No test writes where the product keeps its data, nor fetches; no static file is collected."""
    settings.PERCEPTUAL_WEIGHTS_DIR, settings.FETCH_WEIGHTS = tmp_path / "perceptual", False
    settings.STIMULI_DIR = tmp_path / "stimuli"
    settings.OUTPUTS_DIR = tmp_path / "outputs"
    settings.METHODS_DIR = tmp_path / "methods"
    settings.VAR_DIR = tmp_path_factory.mktemp("var")
    settings.CALIBRATION_DIR, settings.CALIBRATION_ROOTS = None, [tmp_path_factory.getbasetemp()]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def draft_study(db, settings, generated) -> Study:
    """Two sources by three methods, no stabilising trials, not open yet."""
    settings.OUTPUTS_DIR = generated / "outputs"
    study = studies.create(
        "small",
        title="A small study",
        sets=["Samples"],
        methods=METHODS,
        protocol={"first_stabilising": 0},
    )
    sources = list(study.stimuli.order_by("source").values_list("source", flat=True).distinct())
    StudyStimulus.objects.filter(study=study, stimulus__source__in=sources[SOURCES:]).delete()
    return study


@pytest.fixture
def open_study(draft_study) -> Study:
    """The small study, open: six trials for each rater."""
    studies.open_(draft_study)
    return draft_study


@pytest.fixture
def invitation(open_study) -> Invitation:
    """A link to the small study that nobody has followed yet."""
    return links.invite(open_study, 1)[0]


@pytest.fixture
def rater(invitation) -> Rater:
    """Somebody who enrolled by the invitation and has not voted."""
    return sessions.enrol(invitation)


@pytest.fixture
def trials(rater) -> list[Trial]:
    """The rater's plan, first trial first."""
    return list(Trial.objects.filter(rater=rater).order_by("position"))


@pytest.fixture
def rater_client(rater) -> Client:
    """A browser that followed the rater's link."""
    client = Client()
    client.get(rater.invitation.get_absolute_url())
    return client


@pytest.fixture
def owner(open_study) -> User:
    """The researcher whose study it is."""
    user = User.objects.create_user("owner", password="owner-password")
    open_study.researchers.add(user)
    return user


@pytest.fixture
def outsider(db) -> User:
    """A researcher of other studies."""
    return User.objects.create_user("outsider", password="outsider-password")
