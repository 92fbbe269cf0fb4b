"""A program as a method: tried before it is taken, run apart, and refused when it is another."""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError

from benchmarks import methods, own_programs, own_sets, programs
from benchmarks.cases import case
from benchmarks.catalogue import catalogue
from benchmarks.datasets import manifest
from benchmarks.files import encode_png, read_image
from benchmarks.own_methods import remove
from sr_models.interpolation import nearest
from tests.benchmarks.memory import grown

START = """
import os, signal, sys
from PIL import Image
lr, out = Image.open(sys.argv[1]), sys.argv[2]
large = lr.resize((4 * lr.width, 4 * lr.height), Image.Resampling.NEAREST)
"""
NEAR = "large.save(out)\n"


def written(folder: Path, body: str = NEAR, name: str = "program.py") -> str:
    """A small program, as a command."""
    path = folder / name
    path.write_text(START + body)
    return f"{shlex.join([sys.executable, str(path)])} {{lr}} {{out}}"


def added(site, command: str, name: str = "near", **options) -> own_programs.Added:
    return own_programs.add(name, command=command, folder=site.methods, **options)


def refused(site, command: str, **options) -> str:
    """What is said of a command that is not taken; and that nothing is."""
    with pytest.raises(ValueError) as error:  # noqa: PT011
        added(site, command, **options)
    assert site.state() == {}
    assert {path.name for path in site.methods.glob("*")} <= {".lock"}
    said = str(error.value)
    assert "\n" not in said
    return said


# ---- Taken and run ----


def test_a_program_makes_outputs_of_every_set_of_its_scale(site, tmp_path):
    told = added(site, written(tmp_path), title="Near", license="MIT", source="a shed")
    assert (told.scale, told.there) == (4, False)
    assert "near: took the command " in told.sentence
    assert "it enlarges by 4" in told.sentence
    assert "manage.py generate --sets SET --methods near" in told.sentence
    assert [*site.state()] == ["near/method.json"]
    report = site.generate(["near"], sets=["Mine", "Other"])
    assert (report.done, report.failed) == (8, [])
    for set_name in ("Mine", "Other"):
        of = manifest(set_name, site.benchmarks)
        for entry in of.images:
            output = read_image(site.outputs / set_name / "near" / f"{entry.name}.png")
            assert np.array_equal(output, nearest(case(site.benchmarks, of, entry).lr))
    again = site.generate(["near"], sets=["Mine", "Other"])
    assert (again.done, again.skipped) == (0, 8)
    with pytest.raises(ValueError, match="near enlarges by 4, and the images of Mine_x2 are to be"):
        site.generate(["near"], sets=["Mine_x2"])


def test_the_scale_is_measured_and_held_to_what_was_said(site, tmp_path):
    body = "by = int(sys.argv[3])\nlarge = lr.resize((by * lr.width, by * lr.height), 0)\n" + NEAR
    command = f"{written(tmp_path, body)} {{scale}}"
    assert "{scale} in the command is by how much to enlarge: --scale says it" in refused(
        site, command
    )
    assert "there is no scale 5; methods enlarge by 2, 3, 4 or 8" in refused(site, command, scale=5)
    fixed = command.replace("{scale}", "3")
    assert "made 249x183 of 83x61, not 166x122 (x2): that enlarges by 3" in refused(
        site, fixed, scale=2
    )
    assert added(site, command, "two", scale=2).scale == 2
    assert added(site, fixed, "three").scale == 3
    report = site.generate(["two"], sets=["Mine_x2"])
    assert (report.done, report.failed) == (4, [])
    output = read_image(site.outputs / "Mine_x2" / "two" / "cat.png")
    assert output.shape == (48, 60, 3)


def test_a_set_without_originals_is_enlarged_itself(site, tmp_path):
    photograph = site.original("cat")[:31, :45]
    (tmp_path / "low").mkdir()
    (tmp_path / "low" / "cat.png").write_bytes(encode_png(photograph))
    own_sets.add(
        "Low", tmp_path / "low", folder=site.benchmarks, scale=4, references=False, progress=False
    )
    added(site, written(tmp_path))
    report = site.generate(["near"], sets=["Low"])
    assert (report.done, report.failed) == (1, [])
    output = read_image(site.outputs / "Low" / "near" / "cat.png")
    assert np.array_equal(output, nearest(photograph))


def test_a_program_gets_an_empty_folder_no_input_and_none_of_our_settings(
    site, tmp_path, monkeypatch
):
    for name in ("SECRET_KEY", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH"):
        monkeypatch.setenv(name, "our-secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    body = NEAR + (
        "import json\n"
        f"with open({str(tmp_path / 'seen.json')!r}, 'w') as file:\n"
        "    json.dump([dict(os.environ), os.getcwd(), os.listdir(), sys.stdin.read(), sys.argv,"
        " os.getpid() == os.getpgid(0)], file)\n"
    )
    added(site, written(tmp_path, body))
    environment, folder, files, read, arguments, leads = json.loads(
        (tmp_path / "seen.json").read_text()
    )
    assert "our-secret" not in str(environment)
    assert environment["CUDA_VISIBLE_DEVICES"] == "1"
    assert environment["PATH"] == os.environ["PATH"]
    assert sorted(files) == ["lr.png", "out.png"]
    assert arguments[1:] == [f"{folder}/lr.png", f"{folder}/out.png"]
    assert (read, leads) == ("", True)
    assert not Path(folder).exists()


def test_what_names_a_file_is_kept_as_an_absolute_path_and_defended(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "large.save(out)\nopen(sys.argv[3].split('=')[1]), open(sys.argv[4])\n")
    Path("weights.bin").write_bytes(b"1")
    Path("bare").write_bytes(b"2")
    Path("folder").mkdir()
    command = (
        f"{sys.executable} program.py {{lr}} {{out}} --weights=weights.bin bare folder ./folder"
    )
    told = added(site, command)
    (kept,) = methods.own_methods(site.methods)
    assert kept.command.arguments[1:] == (
        f"{tmp_path}/program.py", "{lr}", "{out}", f"--weights={tmp_path}/weights.bin",
        f"{tmp_path}/bare", "folder", f"{tmp_path}/folder",
    )  # fmt: skip
    assert sorted(kept.command.files) == sorted(
        [sys.executable, *(f"{tmp_path}/{name}" for name in ("program.py", "weights.bin", "bare"))]
    )
    assert shlex.split(told.command) == [*kept.command.arguments]
    Path("weights.bin").write_bytes(b"3")
    with pytest.raises(ValueError, match=r"weights\.bin is another file than the one"):
        site.generate(["near"])


def test_a_program_that_is_another_now_makes_nothing(site, tmp_path):
    command = written(tmp_path)
    added(site, command)
    site.generate(["near"])
    path = tmp_path / "program.py"
    before = path.read_text()
    path.write_text(before + "# a new version\n")
    # What it made before is whole, and needs it no more.
    assert site.generate(["near"]).skipped == 4
    said = "near: .*program.py is another file than the one .* remove_method near, and add it again"
    with pytest.raises(ValueError, match=said):
        site.generate(["near"], sets=["Other"])
    assert not (site.outputs / "Other").exists()
    with pytest.raises(ValueError, match=r"near was added with another .*program\.py; .*remove"):
        added(site, command)
    path.unlink()
    with pytest.raises(ValueError, match=r"program\.py is missing"):
        site.generate(["near"], sets=["Other"])
    found = catalogue(
        benchmarks_dir=site.benchmarks, methods_dir=site.methods, outputs_dir=site.outputs
    )
    row = next(row for row in found["methods"] if row["name"] == "near")
    assert (row["kind"], row["scale"], row["sets"]) == ("command", 4, None)
    assert row["lacks"].endswith("program.py is missing")
    path.write_text(before)
    assert site.generate(["near"], sets=["Other"]).done == 4
    assert [look() for look in methods.taken(site.methods)] == [""]


def test_a_program_that_changes_on_the_way_makes_no_further_image(site, tmp_path):
    signal_ = tmp_path / "begin"
    body = NEAR + (
        f"if os.path.exists({str(signal_)!r}):\n    open(__file__, 'a').write('# another')\n"
    )
    added(site, written(tmp_path, body))
    signal_.touch()
    report = site.generate(["near"])
    assert (report.done, len(report.failed)) == (1, 3)
    assert all("program.py is another file" in line for line in report.failed)


def test_one_image_that_fails_is_told_by_its_name_and_the_rest_goes_on(site, tmp_path):
    body = (
        "if lr.size == (15, 12):\n"
        "    if lr.mode == 'RGB' and lr.getpixel((0, 0))[0] % 2 == 0:\n"
        "        sys.exit('no such image')\n" + NEAR
    )
    added(site, written(tmp_path, body))
    report = site.generate(["near"])
    evens = []
    of = manifest("Mine", site.benchmarks)
    for entry in of.images:
        lr = case(site.benchmarks, of, entry).lr
        if lr.shape == (12, 15, 3) and lr[0, 0, 0] % 2 == 0:
            evens.append(entry.name)
    assert evens
    assert report.failed == [
        f"Mine {name}: near made nothing of it: the program ended with status 1: no such image"
        for name in evens
    ]
    assert report.done == 4 - len(evens)


def test_the_same_command_again_is_there_already_and_another_is_refused(site, tmp_path):
    command = written(tmp_path)
    added(site, command)
    before = site.state()
    told = added(site, command)
    assert told.there
    assert "near: there already is the command" in told.sentence
    assert site.state() == before
    with pytest.raises(ValueError, match=r"near is another command already, .*program\.py"):
        added(site, f"{command} --fast")
    with pytest.raises(ValueError, match=r"no method of this kind \(command, not outputs\)"):
        site.add("near", site.made())
    with pytest.raises(ValueError, match="there is a built-in method srgan"):
        added(site, command, "SRGAN")
    assert site.state() == before
    added(site, command, time_limit=7, license="MIT")
    (kept,) = methods.own_methods(site.methods)
    assert (kept.command.time_limit, kept.license) == (7, "MIT")
    site.generate(["near"])
    assert remove("near", folder=site.methods, outputs_dir=site.outputs) == 4
    assert site.state() == {}


def test_methods_of_outputs_are_kept_as_before_there_were_others(site):
    site.add("mine", site.made())
    path = site.methods / "mine" / "method.json"
    told = json.loads(path.read_text())
    assert [*told] == ["name", "title", "place", "license", "source", "scale", "outputs"]
    with pytest.raises(ValueError, match=r"no method of this kind \(outputs, not command\)"):
        own_programs.add("mine", command="true {lr} {out}", folder=site.methods)
    for wrong in (
        {"kind": "magic"}, {"kind": "command"}, {"command": {}}, {"kind": "command", "command": {}},
        {"kind": "model", "model": {"file": "a", "sha256": "b", "facts": {}}},
    ):  # fmt: skip
        path.write_text(json.dumps(told | wrong))
        with pytest.raises(ValueError, match=r"method\.json tells of no method"):
            methods.methods(site.methods)


# ---- What is no command ----


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "the command is empty; it names a program, as in 'upscale {lr} {out}'"),
        ("true {lr} 'out", "cannot be split: a quotation mark is not closed"),
        ("true {lr}", "does not say where the image that it makes comes: {out}"),
        ("true {out}", "does not say where the LR image comes: {lr}"),
        (
            "true {lr} {out} {image}",
            "{image} stands for nothing in a command; {lr}, {out}, ",
        ),
        ("true {lr} {out} {}", "{} stands for nothing"),
        ("true {lr} {out} a{b", "{ stands for nothing"),
        ("true {lr} {out} {lr:>5}", "{lr:>5} stands for nothing"),
        ("{lr} {out}", "the command begins with {lr}, which is no program"),
        ("no-such-program {lr} {out}", "there is no program no-such-program on the PATH"),
        ("./no-such {lr} {out}", "no-such"),
        ("/ {lr} {out}", "there is no program /"),
        ("/etc/passwd {lr} {out}", "/etc/passwd may not be run: give it that right (chmod +x)"),
        ("true {lr} {out} \udcff", "is no text in UTF-8"),
        ("true\n{lr} {out}", "wrote no {out}"),
    ],
)
def test_what_is_no_command_is_refused_in_a_sentence(site, command, message):
    assert message in refused(site, command)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e9])
def test_a_time_limit_that_is_none_is_refused(site, seconds):
    assert "seconds an image; it is more than 0 and at most 86400" in refused(
        site, "true {lr} {out}", time_limit=seconds
    )


def test_no_shell_looks_at_a_command(site, tmp_path):
    command = written(tmp_path)
    trap = tmp_path / "trap"
    added(site, f"{command} '; touch {trap}' '$(touch {trap})' > {trap} & touch {trap}")
    site.generate(["near"])
    assert not trap.exists()


# ---- What misbehaves ----

MISBEHAVES = {
    "fails": (
        "print('all is well')\nsys.stderr.write('Traceback\\n\\x1b[31mKeyError: a\\tb\\n\\n')\n"
        "sys.exit(3)",
        r"in colour: the program ended with status 3: \x1b[31mKeyError: a\tb",
    ),
    "is killed": ("os.kill(os.getpid(), signal.SIGKILL)", "the program was ended by SIGKILL"),
    "prints megabytes": (
        "sys.stdout.write('x' * 20_000_000)\nfor _ in range(200): sys.stderr.write('y' * 100_000)\n"
        "sys.exit(1)",
        f"status 1: {'y' * 300}...",
    ),
    "fails of grey": ("if lr.mode == 'L': sys.exit('RGB only')\n" + NEAR, "in grey: ... RGB only"),
    "writes nothing": ("", "the program ended well and wrote no {out}, a PNG file"),
    "writes a folder": ("os.mkdir(out)", "wrote no {out}, a PNG file"),
    "makes a pipe": ("os.mkfifo(out)", "wrote no {out}, a PNG file"),
    "writes a JPEG named PNG": ("large.save(out, 'JPEG')", "{out} is no PNG file, which keeps"),
    "writes a text": ("open(out, 'w').write('done')", "{out} cannot be read as an image"),
    "writes 16 bits": (
        "Image.new('I;16', large.size).save(out)", "it has more than 8 bits a channel"
    ),
    "is transparent": ("large.convert('RGBA').putalpha(3)\n"
                       "large = large.convert('RGBA'); large.putalpha(3); large.save(out)",
                       "is partly transparent"),
    "does not enlarge": ("lr.save(out)", "it enlarges by 1; methods enlarge by 2, 3, 4 or 8"),
    "enlarges by five": (
        "lr.resize((5 * lr.width, 5 * lr.height)).save(out)", "it enlarges by 5; methods enlarge"
    ),
    "cuts the border": (
        "large.crop((0, 0, large.width - 3, large.height)).save(out)",
        "made 329x244 of 83x61, which is no whole number of times as large",
    ),
    "turns it": (
        "large.rotate(90, expand=True).save(out)", "made 244x332 of 83x61, ... : it lies on"
    ),
    "makes it grey": ("large.convert('L').save(out)", "in colour: it is grey, and what it"),
    "colours grey": (
        "large = large.convert('RGB')\n"
        "if lr.mode == 'L': large = Image.merge('RGB', [b.point(lambda v, n=n: v * n // 3)"
        " for n, b in enumerate(large.split())])\nlarge.save(out)",
        "in grey: it has colours, and what it was made from is grey",
    ),
    "exchanges red and blue": (
        "if lr.mode == 'RGB': large = Image.merge('RGB', large.split()[::-1])\n" + NEAR,
        "its answer seems to be in BGR",
    ),
    "is another each time": (
        "large.putpixel((5, 5), 255 if lr.mode == 'L' else tuple(os.urandom(3)))\n" + NEAR,
        "its answer differs from run to run: fix its seed, or bring its outputs by --outputs",
    ),
    "is another each time in grey": (
        "if lr.mode == 'L': large.putpixel((5, 5), int.from_bytes(os.urandom(8)) % 251)\n"
        "large.save(out)",
        "its answer differs from run to run",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MISBEHAVES)
def test_a_program_that_misbehaves_is_refused_in_a_sentence(site, tmp_path, kind):
    body, message = MISBEHAVES[kind]
    said = refused(site, written(tmp_path, body))
    assert all(part in said for part in message.split(" ... "))
    assert "was not taken" in said
    assert len(said) < 1000


def test_what_a_program_prints_is_not_kept(tmp_path):
    command = written(tmp_path, "for _ in range(600): sys.stderr.write('y' * 100_000)\nsys.exit(1)")
    code = (
        "from benchmarks import programs\nimport numpy\n"
        "program = programs.parsed(argument, time_limit=600)\n"
        "programs.made(program, numpy.zeros((5, 7), numpy.uint8), None)"
    )
    said, mebibytes = grown(code, command)
    assert said == f"the program ended with status 1: {'y' * 300}..."
    assert mebibytes < 30


def test_a_file_that_no_system_can_run_is_refused(site, tmp_path):
    path = tmp_path / "noise"
    path.write_bytes(b"\x00\x01\x02")
    path.chmod(0o755)
    assert "noise cannot be run: exec format error" in refused(site, f"{path} {{lr}} {{out}}")


def test_hardly_any_colour_of_a_grey_image_becomes_grey(site, tmp_path):
    added(site, written(tmp_path, "large.convert('RGB').save(out)"))
    site.generate(["near"])
    assert read_image(site.outputs / "Mine" / "near" / "man.png").ndim == 2


@pytest.fixture
def line(tmp_path):
    """A pipe by which a program tells that it runs, and that it does no more; and its end."""
    path = tmp_path / "line"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield path, reader
    os.close(reader)


def heard(reader: int) -> bytes:
    """The next that comes through a pipe; nothing once nobody holds its other end."""
    assert select.select([reader], [], [], 30)[0], "something still runs"
    return os.read(reader, 1)


HOLDS = "held = os.open({line!r}, os.O_WRONLY)\nos.write(held, b'x')\n"
WAITS = "import time\ntime.sleep(1000)\n"


def test_a_program_that_takes_too_long_is_stopped_with_all_that_it_started(site, tmp_path, line):
    path, reader = line
    body = HOLDS.format(line=str(path)) + "os.fork()\n" + WAITS
    said = refused(site, written(tmp_path, body), time_limit=1)
    assert "the program took longer than the 1 s that it has for an image, and was stopped" in said
    assert (heard(reader), heard(reader)) == (b"x", b"")


def test_a_child_that_goes_on_is_stopped_and_not_waited_for(site, tmp_path, line):
    path, reader = line
    (lr,) = (np.zeros((5, 7, 3), np.uint8),)
    body = (
        HOLDS.format(line=str(path))
        + NEAR
        + f"if os.fork() == 0:\n    {WAITS.replace(chr(10), '; ')}"
    )
    program = programs.parsed(written(tmp_path, body), time_limit=600)
    assert programs.made(program, lr, None).shape == (20, 28, 3)
    assert (heard(reader), heard(reader)) == (b"x", b"")


@pytest.mark.parametrize(
    ("sent", "status"),
    [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_program_does_not_outlive_whoever_is_interrupted(tmp_path, line, sent, status):
    path, reader = line
    command = written(tmp_path, HOLDS.format(line=str(path)) + WAITS)
    ours = (
        "import numpy, sys; from benchmarks import programs; "
        f"program = programs.parsed({command!r}, time_limit=600); "
        "programs.made(program, numpy.zeros((5, 7), numpy.uint8), None)"
    )
    with subprocess.Popen([sys.executable, "-c", ours], stderr=subprocess.PIPE) as process:
        assert heard(reader) == b"x"
        process.send_signal(sent)
        process.communicate()
    assert process.returncode == status
    assert heard(reader) == b""


def test_two_of_any_kind_that_are_added_at_once_both_have_a_place(site, tmp_path):
    command, folder = written(tmp_path), site.made()
    with ThreadPoolExecutor(4) as pool:
        several = [pool.submit(added, site, command, name) for name in ("a", "b")]
        several += [pool.submit(site.add, name, folder) for name in ("c", "d")]
        assert [each.result().name for each in several] == ["a", "b", "c", "d"]
    assert [each.place for each in methods.own_methods(site.methods)] == [1000, 1001, 1002, 1003]


# ---- The command ----


def test_add_method_takes_a_command_and_generate_runs_it(run, site, tmp_path):
    said = run(
        "add_method", "near", "--command", written(tmp_path), "--scale", "4", "--time-limit", "60",
        "--title", "Near",
    )  # fmt: skip
    assert said.startswith("near: took the command ")
    assert run("generate", "--sets", "Mine", "--methods", "near").startswith("4 outputs made")
    with pytest.raises(CommandError, match="wrote no"):
        run("add_method", "nothing", "--command", written(tmp_path, "", "other.py"))
    assert [*site.state()] == ["near/method.json"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([], "name what makes the images of the method: --outputs FOLDER, --model FILE or --comma"),
        (["--outputs", "a", "--model", "b"], "a method is made by one thing; name one of"),
        (["--model", "a", "--command", "b"], "a method is made by one thing"),
        (["--command", "a", "--set", "Mine"], "--set belongs to --outputs, not to --command"),
        (["--model", "a", "--pattern", "{}"], "--pattern belongs to --outputs, not to --model"),
        (["--model", "a", "--as-they-are"], "--as-they-are belongs to --outputs, not to"),
        (["--outputs", "a", "--scale", "4"], "--scale belongs to --model and --command, not"),
        (["--command", "a", "--precision", "float16"], "--precision belongs to --model, not"),
        (["--command", "a", "--device", "cpu"], "--device belongs to --model, not to --command"),
        (["--outputs", "a", "--time-limit", "4"], "--time-limit belongs to --command, not"),
        (["--model", "a", "--time-limit", "4"], "--time-limit belongs to --command, not"),
        (["--command", ""], "the command is empty"),
        (["--outputs", "nowhere"], "nowhere is not there"),
    ],
)  # fmt: skip
def test_one_kind_is_named_and_what_belongs_to_another_is_refused(run, site, line, message):
    with pytest.raises(CommandError, match=re.escape(message)) as error:
        run("add_method", "mine", *line)
    assert "\n" not in str(error.value)
    assert site.state() == {}
