"""What a browser names lies below a root, or is refused in words that tell nothing."""

from __future__ import annotations

import contextlib

import pytest

from study.models import roots


@pytest.fixture
def places(tmp_path, settings):
    """Two roots, one of them behind a link, and what lies outside."""
    for name in ("first/own", "first/both", "second/own2", "second/both", "outside/private"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "second")
    (tmp_path / "first/out").symlink_to(tmp_path / "outside")
    (tmp_path / "first/across").symlink_to(tmp_path / "second/own2")
    (tmp_path / "first/loop").symlink_to(tmp_path / "first/loop")
    (tmp_path / "outside/back").symlink_to(tmp_path / "first/own")
    settings.BASE_DIR = tmp_path
    settings.CALIBRATION_DIR = tmp_path / "first"
    settings.CALIBRATION_ROOTS = [tmp_path / "link"]
    return tmp_path


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("own", "first/own"),
        ("both", "first/both"),
        ("own2", "second/own2"),
        (".", "first"),
        ("not/yet", "first/not/yet"),
        ("first/own", "first/own"),
        ("link/own2", "second/own2"),
        ("across", "second/own2"),
        ("{here}/first", "first"),
        ("{here}/link/own2", "second/own2"),
        ("{here}/second/own2", "second/own2"),
    ],
)
def test_a_folder_counts_from_the_first_root_that_has_it_then_from_the_checkout(
    places, named, meant
):
    assert roots.calibration_folder(named.format(here=places)) == places / meant


@pytest.mark.parametrize(
    "named",
    [
        *("/", "/etc", "/nonexistent", "{here}", "{here}/outside", "{here}/outside/nothing"),
        *("{here}/firs", "{here}/first-and-more"),
        *("..", "../first", "../outside", "own/../../outside", "own/../own"),
        *("out", "out/private", "out/nothing", "{here}/first/out"),
        *("~", "~root", "~nobody-of-that-name/x", "~/first"),
        *("own\0", "\0", "/etc\0/../first", "", " ", "\n", "\ud800", "/" + "x" * 300 + "/y"),
    ],
)  # fmt: skip
def test_whatever_lies_elsewhere_is_refused_in_the_same_words(places, named):
    with pytest.raises(ValueError, match=r".") as error:
        roots.calibration_folder(named.format(here=places))
    assert str(error.value) == (
        "it does not lie in CALIBRATION_DIR or one of CALIBRATION_ROOTS; name a folder that does, "
        "without .. and ~"
    )


def test_a_loop_of_links_is_no_place_or_nothing(places):
    for named in ("loop", "loop/own", str(places / "first/loop")):
        with contextlib.suppress(ValueError):
            assert not roots.calibration_folder(named).is_dir()


def test_without_roots_no_folder_can_be_named(places, settings):
    settings.CALIBRATION_DIR, settings.CALIBRATION_ROOTS = None, []
    for named in ("own", str(places), "first", "."):
        with pytest.raises(ValueError, match="it does not lie in CALIBRATION_DIR"):
            roots.calibration_folder(named)


def test_what_lies_outside_is_not_even_looked_for(places, monkeypatch):
    looked: list[str] = []
    exists = roots.os.path.lexists
    monkeypatch.setattr(roots.os.path, "lexists", lambda path: looked.append(path) or exists(path))
    for named in ("own", "outside", "{here}/outside", "out/private"):
        try:
            roots.calibration_folder(named.format(here=places))
        except ValueError:
            continue
    assert looked
    assert not [path for path in looked if path.is_relative_to(places / "outside")]


def test_a_path_is_told_from_its_root_on(places):
    allowed = roots.of_calibration()
    assert roots.told(places / "first/own/1.png", allowed) == "own/1.png"
    assert roots.told(places / "first", allowed) == "first"
    assert roots.told(places / "first" / "a\udcff.png", allowed) == r"a\xff.png"
