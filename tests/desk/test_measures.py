"""Figures of other programs' measures come in whole or not at all, and stand wherever ours do."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from benchmarks.measures import COMPUTED, FOREIGN
from study.analysis import heads
from study.analysis.measures import OURS
from study.desk import archive, exports, imports, rehearsal, stimuli, studies
from study.desk.measures import digest
from study.models import Deed, Measure, SetMeasure, Stimulus, StimulusMeasure, StudyStimulus
from tests.conftest import METHODS
from tests.desk.test_archive import rows, unpacked
from tests.marked import unmarked

HEAD = "set,image,method,measure,value"


@pytest.fixture
def rehearsed(open_study):
    list(rehearsal.rehearse(open_study, raters=5, seed=1))
    return open_study


@pytest.fixture
def table(tmp_path):
    """Writes lines of a table below its header, or below another one."""

    def write(lines: Iterable[str], head: str = HEAD, name: str = "figures.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
        return path

    return write


def figures(study, *measures: str) -> list[str]:
    """A line for each image that the study shows and each measure, of many digits."""
    shown = study.stimuli.order_by("pk").select_related("source__dataset", "method")
    return [
        f"{each.source.dataset},{each.source.name},{each.method.name},{measure},"
        f"{(17 * k + place * place) / 7 + 0.1!r}"
        for place, measure in enumerate(measures)
        for k, each in enumerate(shown)
    ]


def fid(*methods: str) -> list[str]:
    return [f"Samples,,{method},FID,{10 / (k + 3)!r}" for k, method in enumerate(methods)]


def mean(lines: list[str], method: str, measure: str) -> float:
    cells = [line.split(",") for line in lines]
    own = [float(value) for *_, m, name, value in cells if (m, name) == (method, measure)]
    return sum(own) / len(own)


def bring(path: Path, **options) -> str:
    out = io.StringIO()
    call_command("import_measures", str(path), stdout=out, **options)
    return out.getvalue()


def refused(path: Path, **options) -> str:
    with pytest.raises(CommandError) as error:
        bring(path, **options)
    return str(error.value)


# ---- Where they stand ----


def test_they_stand_in_every_table_on_the_page_and_in_the_figure(rehearsed, owner, table):
    lines = figures(rehearsed, "MUSIQ", "Blur (own)", "ilniqe")
    path = table([*lines, *fid("nearest", "bicubic")])
    said = bring(path, study="small", lower=["Blur (own)"], version="pyiqa 0.1.10")
    what = "20 figures of IL-NIQE, MUSIQ, FID, Blur (own)"
    assert said == f"{what} taken from figures.csv; seen in small\n"

    kind = "simulated"
    further = ["niqe", "ilniqe", "musiq", "fid", "blur_own"]
    shown = {row["method"]: row for row in exports.report(rehearsed, kind=kind)["table"]}
    columns = list(shown["hr"])
    place = columns.index("lpips")
    assert columns[place + 1 : place + 6] == further
    assert columns[place + 6] == "published_mos"
    assert shown["bicubic"]["musiq"] == pytest.approx(mean(lines, "bicubic", "MUSIQ"))
    assert shown["nearest"]["fid"] == 10 / 3
    assert shown["hr"]["fid"] is None
    assert "FID not measured" in shown["hr"]["note"]
    titles = ("NIQE", "IL-NIQE", "MUSIQ", "FID", "Blur (own)")
    for form in ("table", "latex", "markdown"):
        text = exports.table(rehearsed, kind=kind, form=form)
        assert all(title in text for title in titles)
        assert f"{mean(lines, 'bicubic', 'MUSIQ'):.2f}" in text
    files = {form: exports.files(rehearsed, kind=kind, form=form) for form in ("xlsx", "parquet")}
    sheet = pd.read_excel(
        io.BytesIO(*files["xlsx"].values()), sheet_name="SIMULATED table"
    ).set_index("method")
    parquet = pd.read_parquet(io.BytesIO(files["parquet"]["SIMULATED-table.parquet"]))
    for found in (sheet, parquet.set_index("method")):
        assert found.loc["nearest", "fid"] == pytest.approx(10 / 3, abs=1e-14)
        assert found.loc["bicubic", "blur_own"] == shown["bicubic"]["blur_own"]
    drawn = exports.figure(rehearsed, kind=kind, name="measures", form="svg").decode()
    assert all(f"<!-- {title} -->" in drawn for title in titles)

    client = Client()
    client.force_login(owner)
    page = client.get(reverse("study", args=["small"]), {"raters": kind})
    (section,) = page.context["sections"]
    assert [column["title"] for column in section["columns"]] == [
        "PSNR, dB", "SSIM, daala", "SSIM, Wang", *titles,
    ]  # fmt: skip
    best = {
        column["name"]: row["method"]
        for row in section["rows"]
        for column, cell in zip(section["columns"], row["cells"], strict=True)
        if cell["best"]
    }
    # Every line's figure is larger than the one before: the original's, the last, is no rival.
    # NIQE is ours.
    assert {name: best[name] for name in further} == {
        "niqe": "bicubic", "ilniqe": "nearest", "musiq": "bicubic", "fid": "bicubic",
        "blur_own": "nearest",
    }  # fmt: skip
    html = page.content.decode()
    assert html.count("∞") == 1, "of the original's PSNR, not of what it has no figure of"
    assert '<th scope="row">Blur (own)</th>' in html


def test_a_measure_of_a_whole_set_correlates_over_methods_alone(rehearsed, table):
    bring(table([*figures(rehearsed, "musiq"), *fid(*METHODS)]), study="small")
    found = exports.report(rehearsed, kind="simulated")["objective"]
    levels = [(row["measure"], row["level"], row["n"]) for row in found]
    assert ("musiq", "image", 4) in levels
    assert [level for level in levels if level[0] == "fid"] == [("fid", "method", 2)]


def test_the_archive_explains_them_and_analysed_again_gives_the_same_tables(
    rehearsed, table, tmp_path
):
    names = ("Blur", "MUSIQ", "maniqa", "=SUM(A1)")
    path = table([*figures(rehearsed, *names), *fid("nearest", "bicubic", "hr")])
    bring(path, study="small", lower=["blur"], higher=["sum_a1"], version="=own 2")
    files = unpacked(archive.archive(rehearsed, kind="simulated"))
    assert [part for name, content in files.items() for part in unmarked(name, content)] == []
    votes = files["SIMULATED-ratings.csv"].decode().split("\n")[0].split(",")
    ours = [*OURS, "musiq", "maniqa", "blur", "sum_a1"]
    assert [name for name in votes if name in {*ours, "fid"}] == ours
    assert set(ours) < set(rows(files["SIMULATED-stimuli.csv"])[0])
    book = rows(files["SIMULATED-codebook.csv"])
    meaning = {(row["file"], row["column"]): row["meaning"] for row in book}
    assert all(meaning.values())
    assert meaning["SIMULATED-ratings.csv", "blur"] == "Blur; lower is better; version: =own 2"
    assert meaning["SIMULATED-stimuli.csv", "sum_a1"].startswith("'=SUM(A1); higher is better")
    assert "measured: Brought in figures of measures" in meaning["SIMULATED-deeds.csv", "deed"]
    of_sets = rows(files["SIMULATED-set_measures.csv"])
    assert [(row["method"], row["measure"], row["value"]) for row in of_sets] == [
        ("nearest", "fid", repr(10 / 3)), ("bicubic", "fid", "2.5"), ("hr", "fid", "2.0"),
    ]  # fmt: skip

    for name, content in files.items():
        (tmp_path / Path(name).name).write_bytes(content)
    command = re.search(r"`python manage.py (.+)`", files["SIMULATED-README.txt"].decode())
    name, *arguments = shlex.split(command[1])
    files_of = [str(tmp_path / each) if each.endswith(".csv") else each for each in arguments]
    call_command(name, *files_of, format="csv", out=tmp_path / "again")
    for name in ("stimuli", "methods", "pairs", "raters", "agreement", "objective", "notes"):
        mine = (tmp_path / "again" / f"SIMULATED-{name}.csv").read_bytes()
        assert mine == files[f"tables/SIMULATED-{name}.csv"], name
    assert b"fid,Samples,method,2" in files["tables/SIMULATED-objective.csv"]


def test_figures_that_no_vote_can_tell_from_others_are_computed_anew(rehearsed, table):
    kind = "simulated"
    marks = [exports.mark(rehearsed, kind=kind)]
    bring(table(figures(rehearsed, "musiq")), study="small")
    marks.append(exports.mark(rehearsed, kind=kind))
    stimulus = rehearsed.stimuli.first()
    for value in (1.0, 1.0 + 2**-52):
        StimulusMeasure.objects.filter(measure__name="musiq", stimulus=stimulus).update(value=value)
        marks.append(exports.mark(rehearsed, kind=kind))
    bring(table(fid("nearest")), study="small")
    marks.append(exports.mark(rehearsed, kind=kind))
    Measure.objects.filter(name="musiq").update(higher_is_better=False)
    marks.append(exports.mark(rehearsed, kind=kind))
    assert len(set(marks)) == len(marks)
    assert exports.mark(rehearsed, kind=kind) == marks[-1]


def test_niqe_stands_beside_others_of_its_name_and_each_says_whence_it_is(rehearsed, table):
    """In tables and correlations; the codebook tells the version."""
    lines = figures(rehearsed, "NIQE imported")
    bring(table(lines), study="small", lower=["niqe_imported"], version="pyiqa 0.1.10")
    found = exports.report(rehearsed, kind="simulated")
    shown = {row["method"]: row for row in found["table"]}
    assert shown["bicubic"]["niqe_imported"] == pytest.approx(
        mean(lines, "bicubic", "NIQE imported")
    )
    values = StimulusMeasure.objects.filter(
        measure__name="niqe", stimulus__studystimulus__study=rehearsed
    )
    own = values.filter(stimulus__method__name="bicubic").values_list("value", flat=True)
    assert shown["bicubic"]["niqe"] == pytest.approx(sum(own) / len(own))
    assert set(values.values_list("version", flat=True)) == {"1"}
    levels = {(row["measure"], row["level"]) for row in found["objective"]}
    assert {("niqe", "image"), ("niqe_imported", "image")} <= levels
    book = rows(unpacked(archive.archive(rehearsed, kind="simulated"))["SIMULATED-codebook.csv"])
    meaning = {row["column"]: row["meaning"] for row in book if "stimuli" in row["file"]}
    assert meaning["niqe"] == (
        "NIQE (Mittal et al. 2013), of Y of the whole image, the authors' model; empty where the "
        "image is flat; lower is better; version: 1"
    )
    assert meaning["niqe_imported"] == "NIQE imported; lower is better; version: pyiqa 0.1.10"


# ---- What an archive of before has is what it has now ----


def test_an_archive_of_our_measures_alone_is_what_it_was(rehearsed):
    """As of a study that was made before there were others."""
    StimulusMeasure.objects.exclude(measure__name__in=OURS).delete()
    files = unpacked(archive.archive(rehearsed, kind="simulated"))
    assert not [name for name in files if "set_measures" in name]
    head = {name: files[f"SIMULATED-{name}.csv"].decode().split("\n")[0] for name in
            ("ratings", "stimuli")}  # fmt: skip
    assert head["ratings"].endswith(",stimulus_sha256,psnr,ssim,ssim_daala,lpips")
    assert head["stimuli"] == (
        "set,image,method,sha256,width,height,psnr,ssim,ssim_daala,lpips,raters_kind"
    )
    book = files["SIMULATED-codebook.csv"].decode()
    for name in ("ratings", "stimuli"):
        assert (
            f'SIMULATED-{name}.csv,psnr,"PSNR of Y, dB, 4 px cut; empty where infinite",simulated\n'
            f"SIMULATED-{name}.csv,ssim,SSIM (Wang),simulated\n"
            f'SIMULATED-{name}.csv,ssim_daala,"SSIM (daala, as in Ledig et al.)",simulated\n'
            f'SIMULATED-{name}.csv,lpips,"LPIPS 0.1, AlexNet",simulated\n'
        ) in book
    assert (
        "SIMULATED-deeds.csv,deed,created: Made the study; changed: Changed settings; deleted: "
        "Deleted the draft; opened: Opened the study; closed: Closed the study; invited: Made "
        "links; revoked: Revoked a link; rehearsed: Played simulated raters; looked: Saw results; "
        "took: Took a file; told: Exported the data of one rater; erased: Deleted the data of one "
        "rater; fault: Found an image missing or altered; mended: Found a faulty image right "
        "again; signed in: Signed in; signed out: Signed out; refused: Failed to sign in; "
        "password: Changed a password,simulated\n"
    ) in book
    assert "\n`python manage.py analyse SIMULATED-ratings.csv` gives the same tables again,\n" in (
        files["SIMULATED-README.txt"].decode()
    )
    table = files["tables/SIMULATED-table.csv"].decode().split("\n")[0]
    assert table == (
        "set,method,title,mos,ci_low,ci_high,ci_half_width,raters,ratings,images,psnr,ssim,"
        "ssim_daala,lpips,published_mos,raters_kind,interval,note"
    )


# ---- What is taken ----


def test_the_same_table_again_changes_nothing_and_another_one_only_when_told(open_study, table):
    lines = figures(open_study, "MUSIQ")
    assert "6 figures of MUSIQ" in bring(table(lines), version="first")
    assert "0 figures of MUSIQ taken from figures.csv; 6 were there already" in bring(table(lines))
    other = [*lines[:-1], f"{lines[-1].rpartition(',')[0]},-1e-3"]
    before = list(StimulusMeasure.objects.order_by("pk").values_list("pk", "value", "version"))
    assert re.search(r"line 7: Samples/\w+ by hr has musiq [\d.]+ already, here it is -0.001; "
                     r"--replace takes this one", refused(table(other)))  # fmt: skip
    after = list(StimulusMeasure.objects.order_by("pk").values_list("pk", "value", "version"))
    assert after == before
    said = bring(table(other, name="second.csv"), replace=True, version="second")
    assert "1 figures of MUSIQ taken from second.csv, 1 in the place of others; 5 were" in said
    assert sorted(
        StimulusMeasure.objects.filter(measure__name="musiq").values_list("version", flat=True)
    ) == ["first"] * 5 + ["second"]
    deeds = Deed.objects.filter(kind=Deed.Kind.MEASURED).order_by("pk")
    assert [(deed.study.slug, deed.details["file"], deed.details["figures"]) for deed in deeds] == [
        ("small", "figures.csv", 6), ("small", "second.csv", 1)
    ]  # fmt: skip
    assert deeds[1].details["replaced"] == 1
    assert deeds[0].account.startswith("command line")


def test_a_table_of_a_spreadsheet_is_read_as_it_is_written(open_study, tmp_path):
    """With a byte order mark, semicolons, decimal commas, other cases and orders, file names."""
    path = tmp_path / "Figures.CSV"
    image = open_study.stimuli.first().source.name
    path.write_text(
        f"Value;Measure;remark;Method;Image;SET\r\n71,25;Musiq;;bicubic;{image}.png;Samples\r\n"
        f'\r\n"1,5e-1";CLIP-IQA;"a;\nb";bicubic;{image};Samples\r\n',
        encoding="utf-8-sig",
    )
    bring(path)
    found = StimulusMeasure.objects.filter(measure__name__in=["musiq", "clipiqa"])
    assert sorted(found.values_list("measure__title", "value", "version")) == [
        ("CLIP-IQA", 0.15, "imported"), ("MUSIQ", 71.25, "imported")
    ]  # fmt: skip


def test_a_measure_of_some_images_is_said_to_be_so_and_has_no_mean(open_study, table):
    lines = figures(open_study, "musiq")
    said = bring(table(lines[:5]), study="small")
    assert said.startswith(
        "MUSIQ is known of 1 of 2 images of Samples by hr: tables show no mean\n5 figures of"
    )
    text = exports.table(open_study, kind="people", form="csv")
    assert "MUSIQ measured for 1 of 2 images, hence no mean" in text
    assert "known of" not in bring(table(lines[5:]), study="small")


def test_images_made_twice_are_those_of_the_study_that_is_named(open_study, table):
    first = open_study.stimuli.filter(method__name="bicubic").first()
    content = Stimulus.objects.filter(method__name="nearest").first().path.read_bytes()
    (again,) = stimuli.store(
        [stimuli.put(content, dataset="Samples", title="Samples", image=first.source.name,
                     method="bicubic", size=(first.width, first.height))]
    )  # fmt: skip
    second = studies.create("second", sets=["Samples"], methods=METHODS)
    StudyStimulus.objects.filter(study=second, stimulus=first).update(stimulus=again)
    path = table([f"Samples,{first.source.name},bicubic,musiq,50", *fid("bicubic")])
    said = refused(path)
    assert f"Samples/{first.source.name} by bicubic was made more than once; --study SLUG" in said
    assert "line 3: Samples by bicubic was made more than once" in said
    assert "seen in second" in bring(path, study="second")
    assert StimulusMeasure.objects.get(measure__name="musiq").stimulus == again
    assert [deed.study.slug for deed in Deed.objects.filter(kind=Deed.Kind.MEASURED)] == ["second"]
    shown = second.stimuli.filter(method__name="bicubic").values_list("sha256", flat=True)
    assert SetMeasure.objects.get().stimuli_sha256 == digest(shown)
    assert "fid" in exports.table(second, kind="people", form="csv").split("\n")[0]
    small = exports.table(open_study, kind="people", form="csv").split("\n")[0]
    assert "fid" not in small, "its files are others"
    assert "musiq" not in small


def test_a_figure_of_more_images_than_a_study_shows_is_in_none_of_its_tables(open_study, table):
    """The database has five images of the set, the study shows two."""
    assert bring(table(fid("bicubic"))).endswith("in no study's tables\n")
    assert SetMeasure.objects.count() == 1
    assert not Deed.objects.filter(kind=Deed.Kind.MEASURED).exists()
    assert "fid" not in exports.table(open_study, kind="people", form="csv")
    assert "seen in small" in bring(table(fid("bicubic")), study="small")
    row = json.loads(exports.table(open_study, kind="people", form="json"))["table"][1]
    assert (row["method"], row["fid"]) == ("bicubic", 10 / 3)


# ---- What is refused ----


def test_everything_wrong_is_named_at_once_and_nothing_is_stored(open_study, table):
    image = open_study.stimuli.first().source.name
    there = f"Samples,{image},bicubic"
    before = StimulusMeasure.objects.count()
    path = table(
        [
            f"Set6,{image},bicubic,musiq,1", "Samples,nobody,bicubic,musiq,2",
            f"Samples,{image},srgan9,musiq,3", f"{there},musiq,many", f"{there},musiq,inf",
            f"{there},musiq,1e999", f"{there},musiq,", f"{there},musiq,4", f"{there},MUSIQ,4",
            f"{there},PSNR,5", f"{there},lpips,5", f"{there},MOS,5", f"{there},Rater ID,5",
            f"{there},quality,5", f"{there},???,5", f"{there},{'x' * 51},5", f"{there},unheard,5",
            "Samples,,bicubic,ilniqe,5", f"{there},ilniqe,5", f"{there},vif,1_0",
            f"Set6,{image},bicubic,vif,1", f"{there},DISTS,5", "Samples,,bicubic,NIQE,5",
        ]
    )  # fmt: skip
    said = refused(path, lower=["vif", "absent"], higher=["fid", "absent"])
    for problem in (
        "lines 2, 22: there is no set 'Set6'; there are Samples",
        "line 3: Samples has no image 'nobody'",
        "line 4: there is no method 'srgan9'; there are ",
        "line 5: the value 'many' is no finite number",
        "line 6: the value 'inf' is no finite number",
        "line 7: the value '1e999' is no finite number",
        "line 8: the value '' is no finite number",
        f"line 10: musiq of Samples/{image} by bicubic is in line 9 already",
        "line 11: psnr is computed here; bring yours under another name, such as psnr_rgb",
        "line 12: lpips is computed here; bring yours under another name, such as lpips_vgg",
        "line 23: dists is computed here; bring yours under another name, such as dists_imported",
        "line 24: niqe is computed here; bring yours under another name, such as niqe_imported",
        "line 13: 'mos' is the name of another column",
        "line 14: 'rater_id' is the name of another column",
        "line 15: 'quality' is the name of another column",
        "line 16: '???' is no name of a measure",
        "line 17: the name of the measure 'xxxx",
        "line 21: the value '1_0' is no finite number",
        "--lower absent: the table has no such measure; it has musiq, ",
    ):
        assert problem in said, problem
    count = re.search(r"was not taken: (\d+) problems\n", said)
    assert said.endswith(f"\n  and {int(count[1]) - imports.MOST_SAID} more")
    assert len(said.splitlines()) == imports.MOST_SAID + 2
    assert StimulusMeasure.objects.count() == before
    assert not Measure.objects.exclude(name__in=COMPUTED).exists()


@pytest.mark.parametrize(
    ("lines", "options", "sentence"),
    [
        (["{there},unheard,5"], {}, "is not known of unheard; say --lower unheard or --higher unh"),
        (["{there},ilniqe,5"], {"higher": ["IL-NIQE"]}, "of ilniqe lower is better; leave it out"),
        (["{there},own,5"], {"higher": ["own"], "lower": ["own"]}, "own is named by both --lower"),
        (["{there},ilniqe,5", "Samples,,hr,ilniqe,5"], {}, "line 3: ilniqe is given for whole sets "
         "here and for images in line 2"),
        (["Samples,{other},hr,ilniqe,5"], {"study": "small"}, "the study small does not show"),
        (["{there},ilniqe,5"], {"study": "large"}, "there is no study 'large'; studies: small"),
        (["{there},ilniqe,5"], {"version": "v" * 41}, "a version has 1 to 40 characters"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_sentence(open_study, table, lines, options, sentence):
    own = set(open_study.stimuli.values_list("source__name", flat=True))
    other = Stimulus.objects.exclude(source__name__in=own).first().source.name
    there = f"Samples,{sorted(own)[0]},bicubic"
    path = table([line.format(there=there, other=other) for line in lines])
    assert sentence in refused(path, **options)
    assert not Measure.objects.exclude(name__in=COMPUTED).exists()


def test_what_is_known_of_a_measure_stays(open_study, table):
    """Whether it is of images or of sets, and which way is better."""
    lines = figures(open_study, "own")
    bring(table(lines), lower=["own"])
    assert "0 figures" in bring(table(lines)), "the way is known now"
    assert "of own lower is better" in refused(table(lines), higher=["own"])
    assert "own is known of images; bring" in refused(table(["Samples,,hr,own,1"]))
    bring(table(fid("hr")))
    assert "fid is known of whole sets" in refused(table(figures(open_study, "fid")))


def test_names_of_measures_are_those_of_no_other_column(rehearsed):
    columns = set(exports.raw(rehearsed, kind="simulated").columns)
    assert columns - set(COMPUTED) <= imports.reserved()
    assert {"sha256", "title", "mos", "raters_kind", "note"} <= imports.reserved()
    for name in {**COMPUTED, **FOREIGN}:
        assert name not in imports.reserved()
        assert heads.meaning(name) is None
        assert imports.named(name) == name


def test_the_tables_of_ours_say_what_is_computed():
    for name, measure in OURS.items():
        known = COMPUTED[name]
        assert (measure.title, measure.decimals) == (known.title, known.decimals)
        assert measure.higher_is_better == known.higher_is_better
    assert list(COMPUTED)[: len(OURS)] == list(OURS)
