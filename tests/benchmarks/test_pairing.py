"""Files are paired with images by name, one to one, or not at all."""

from __future__ import annotations

import random
from pathlib import PurePosixPath

import pytest

from benchmarks.datasets import SET_NAMES, manifest
from benchmarks.pairing import MOST_NAMED, Pairing, Pattern, pair, parsed

SETS = {name: [entry.name for entry in manifest(name).images] for name in SET_NAMES}
URBAN = {"Urban4": [f"img_{number:03}" for number in range(1, 5)]}
VALID = {"Valid": [f"{number:04}" for number in range(801, 831)]}


def places(*names: str) -> list[PurePosixPath]:
    return [PurePosixPath(name) for name in names]


def told(found: Pairing) -> str:
    assert not found.files or found.problems
    return "\n".join(found.problems)


LAYOUTS = [
    ("a folder of a set", "{name}.png", ["Set5"]),
    ("EDSR's LR names", "{name}x4.png", ["Set5"]),
    ("EDSR's folders", "benchmark/{set}/SR/X4/{name}x4.png", ["Set5", "Set14", "BSD100"]),
    ("SwinIR", "swinir_classical_sr_x4/{name}_SwinIR.png", ["Set5"]),
    ("SelfExSR", "image_SRF_4/{name}_SRF_4_SRCNN.png", ["Urban4"]),
    ("BasicSR", "visualization/{set}/{name}_ESRGAN_x4_f64.png", ["Set5", "Set14"]),
    ("Real-ESRGAN", "{name}_out.png", ["Set14"]),
    ("NTIRE", "{name}x4.png", ["Valid"]),
    ("RCAN", "SR/BI/RCAN/{set}/x4/{name}_RCAN_x4.png", ["Set5", "BSD100"]),
    ("hub copies", "{set}_HR/{name}.png", ["Set14"]),
    ("another case", "RESULTS/{set}/{name}_OUT.PNG", ["Set5"]),
    ("a prefix and a suffix", "x4-{name}-mine.tiff", ["BSD100"]),
]


@pytest.mark.parametrize(("_", "form", "names"), LAYOUTS, ids=[each[0] for each in LAYOUTS])
def test_the_layouts_that_people_have_are_understood_without_a_word(_, form, names):
    sets = SETS | URBAN | VALID
    wanted = {
        name: {image: PurePosixPath(form.format(set=name.lower(), name=image))
               for image in sets[name]}
        for name in names
    }  # fmt: skip
    files = [place for some in wanted.values() for place in some.values()]
    random.Random(0).shuffle(files)
    found = pair(files, sets)
    assert (found.files, found.problems, found.candidates) == (wanted, [], [])
    assert pair(files, sets, wanted=names).files == wanted


def test_upper_and_lower_case_and_composed_accents_are_one():
    sets = {"mine": ["Café", "tree"]}
    found = pair(places("cafe\u0301_SR.png", "Tree_sr.PNG"), sets)
    assert found.files == {
        "mine": {
            "Café": PurePosixPath("cafe\u0301_SR.png"),
            "tree": PurePosixPath("Tree_sr.PNG"),
        }
    }


@pytest.mark.parametrize("seed", range(40))
def test_whatever_names_there_are_the_pairs_are_those_that_were_made(seed):
    """Names that hold each other, and prefixes that hold names."""
    rng = random.Random(seed)
    names = sorted({"".join(rng.choices("ab1_", k=rng.randint(1, 4))) for _ in range(9)})
    prefix, suffix = ("".join(rng.choices("ab1_", k=rng.randint(0, 4))) for _ in range(2))
    files = {name: PurePosixPath(f"{prefix}{name}{suffix}.png") for name in names}
    shuffled = list(files.values())
    rng.shuffle(shuffled)
    for options in ({}, {"wanted": ["mine"]}, {"pattern": Pattern(prefix, suffix)}):
        found = pair(shuffled, {"mine": names}, **options)
        assert (found.files, found.problems) == ({"mine": files}, [])


def test_a_name_that_stands_in_a_file_twice_is_one_pair_all_the_same():
    place = PurePosixPath("banana.png")
    for options in ({}, {"wanted": ["mine"]}):
        assert pair([place], {"mine": ["a"]}, **options) == Pairing({"mine": {"a": place}})


def test_one_of_many_that_is_missing_is_told_whichever_it_is():
    names = SETS["BSD100"]
    files = places(*(f"{name}.png" for name in names))
    for number, name in enumerate(names):
        others = [*files[:number], *files[number + 1 :], PurePosixPath("another.png")]
        said = told(pair(others, SETS))
        assert said.startswith("its names fit no set; BSD100 comes closest")
        assert f"1 of 100 images have no output: {name}" in said


@pytest.mark.parametrize("seed", range(20))
def test_a_file_less_or_more_is_always_told(seed):
    rng = random.Random(seed)
    names = sorted({"".join(rng.choices("abc", k=rng.randint(1, 4))) for _ in range(9)})
    files = [PurePosixPath(f"{name}_x.png") for name in names]
    rng.shuffle(files)
    less = pair(files[1:], {"mine": names}, wanted=["mine"])
    assert f"1 of {len(names)} images have no output" in told(less)
    more = pair([*files, PurePosixPath("zz.png")], {"mine": names}, wanted=["mine"])
    assert told(more).startswith("1 file is left over, of no image of mine: zz.png")


def test_several_patterns_are_told_and_none_is_taken():
    kinds = ("HR", "LR", "bicubic", "SRCNN")
    files = places(*(f"{name}_SRF_4_{kind}.png" for name in URBAN["Urban4"] for kind in kinds))
    for options in ({}, {"wanted": ["Urban4"]}):
        found = pair(files, SETS | URBAN, **options)
        assert (found.files, found.problems) == ({}, [])
        assert {(str(each.pattern), str(each.first)) for each in found.candidates} == {
            (f"{{}}_SRF_4_{kind}", f"img_001_SRF_4_{kind}.png") for kind in kinds
        }
    for pattern in ("{}_SRF_4_SRCNN", "{}_srf_4_srcnn.PNG"):
        chosen = pair(files, SETS | URBAN, pattern=parsed(pattern))
        assert chosen.problems == []
        assert str(chosen.files["Urban4"]["img_002"]) == "img_002_SRF_4_SRCNN.png"


def test_what_is_missing_and_left_over_is_listed_with_an_end():
    names = SETS["BSD100"]
    files = places(*(f"{name}_x4.png" for name in names[:60]), *(f"note{n}.png" for n in range(12)))
    said = told(pair(files, SETS))
    assert "its names fit no set; BSD100 comes closest, and --set says which is meant" in said
    missing = ", ".join(names[60:70])
    assert f"'{{}}_x4' 40 of 100 images have no output: {missing} and 30 more" in said
    assert "12 files are left over, of no image of BSD100: note0.png, note1.png" in said
    assert said.count("note") == MOST_NAMED
    assert "and 2 more; --pattern passes over what does not fit it" in said


def test_files_that_do_not_fit_a_given_pattern_are_passed_over_and_strangers_that_do_are_not():
    files = places(*(f"{name}_x4.png" for name in SETS["Set5"]), "loss.png", "other_x4.png")
    given = {"wanted": ["Set5"], "pattern": parsed("{}_x4")}
    assert pair([file for file in files if file.stem != "other_x4"], SETS, **given).problems == []
    assert told(pair(files, SETS, **given)) == (
        "1 file is left over, of no image of Set5: other_x4.png"
    )
    assert "no file fits the pattern '{}_x3'" in told(
        pair(files, SETS, wanted=["Set5"], pattern=parsed("{}_x3"))
    )


@pytest.mark.parametrize(
    ("second", "pattern"),
    [("baby.jpg", "{}.png"), ("X3/baby.png", "X4/{}"), ("x4/Baby.png", None)],
)
def test_two_files_for_one_image_are_told(second, pattern):
    files = places(*(f"X4/{name}.png" for name in SETS["Set5"]), second)
    said = told(pair(files, SETS, wanted=["Set5"]))
    assert said == f"Set5: several files are the output of baby: X4/baby.png, {second}"
    if pattern:
        found = pair(files, SETS, wanted=["Set5"], pattern=parsed(pattern))
        assert found.problems == []
        assert str(found.files["Set5"]["baby"]) == "X4/baby.png"


def test_outputs_of_another_set_are_recognised():
    files = places(*(f"{name}_x4.png" for name in SETS["Set14"]))
    assert "the names are those of Set14, not of Set5" in told(pair(files, SETS, wanted=["Set5"]))
    inside = [PurePosixPath("Set5") / file for file in files]
    assert "the names are those of Set14, not of Set5" in told(pair(inside, SETS))
    brings = {"Set14": "the right command"}
    for some in (files, [PurePosixPath("Set14") / file for file in files]):
        said = told(pair(some, SETS, absent=brings))
        assert "the images of Set14 are not there: the right command brings them" in said


def test_sets_that_share_names_are_not_guessed():
    sets = SETS | {"few": SETS["BSD100"][:10]}
    files = places(*(f"{name}.png" for name in SETS["BSD100"]))
    assert told(pair(files, sets)) == (
        "its names are those of BSD100 and of few: say by --set whose they are"
    )
    assert set(pair(files, sets, wanted=["BSD100"]).files) == {"BSD100"}
    assert "90 files are left over" in told(pair(files, sets, wanted=["few"]))


def test_names_of_a_small_set_that_stand_in_others_by_chance_do_not_matter():
    sets = {"tiny": ["1", "2"]} | VALID
    files = places(*(f"{name}.png" for name in VALID["Valid"]))
    assert set(pair(files, {"tiny": ["1", "2"]}, wanted=["tiny"]).files) == set()
    assert set(pair(files, sets).files) == {"Valid"}
    assert told(pair([*files, PurePosixPath("zz.png")], sets)).startswith("1 file is left over")


def test_files_of_several_sets_in_one_folder_have_one_pattern():
    both = [*(f"{name}_a.png" for name in SETS["Set5"]), *(f"{n}_a.png" for n in SETS["Set14"])]
    assert set(pair(places(*both), SETS).files) == {"Set5", "Set14"}
    other = [name.replace("_a", "_b") if n < 5 else name for n, name in enumerate(both)]
    found = pair(places(*other), SETS)
    assert [(str(each.pattern), each.sets) for each in found.candidates] == [
        ("{}_a", ("Set14",)),
        ("{}_b", ("Set5",)),
    ]


def test_a_set_whose_folder_is_there_is_not_dropped_when_an_output_is_missing():
    files = places(
        *(f"Set5/{name}.png" for name in SETS["Set5"]),
        *(f"Set14/{name}.png" for name in SETS["Set14"][1:]),
        "Manga109/cover.png",
    )
    said = told(pair(files, SETS))
    assert "Set14: by the pattern '{}' 1 of 14 images have no output: baboon" in said
    assert "1 file is left over, of no image of Set5, Set14: Manga109/cover.png" in said
    assert "--set names the sets that are meant" in said
    assert pair(files, SETS, wanted=["Set5"]).problems == []


def test_a_set_can_have_another_name_as_a_folder():
    files = places(*(f"B100/{name}.png" for name in SETS["BSD100"]))
    assert set(pair(files, SETS | {"few": SETS["BSD100"]}, folders={"B100": "BSD100"}).files) == {
        "BSD100"
    }


def test_names_that_fit_nothing_are_shown():
    said = told(pair(places("a.png", "b.png"), SETS, wanted=["Set5"]))
    assert said == "no name fits an image of Set5: there are a.png, b.png"
    said = told(pair(places("???.png"), SETS))
    assert said == "its names are those of no set of Set5, Set14, BSD100: there is ???.png"


def test_thousands_of_images_are_paired():
    names = [str(number) for number in range(5000)]
    kinds = ("HR", "LR", "bicubic", "mine")
    files = places(*(f"img_{name}_{kind}.png" for name in names for kind in kinds))
    assert len(pair(files, {"big": names}).candidates) == 4
    found = pair(files, {"big": names}, pattern=parsed("img_{}_mine"))
    assert found.files["big"]["77"] == PurePosixPath("img_77_mine.png")


@pytest.mark.parametrize("text", ["x4", "{}{}", "{}/a", "a{}b{}", ""])
def test_what_is_no_pattern_is_refused(text):
    with pytest.raises(ValueError, match="is no pattern: a file's name is needed in which"):
        parsed(text)
