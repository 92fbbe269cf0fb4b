"""The catalogue as pages: what is told is true, and what is missing is asked for with a click."""

from __future__ import annotations

import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as settings_of
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from PIL import Image

from benchmarks import datasets, methods
from sr_models import methods as built_in
from study.desk import catalogue, stimuli, studies, work
from study.desk.matrix import Cell, matrix
from study.management.plain import sentence
from study.models import Dataset, Deed, Job, Method
from tests.own_material import bring, bring_without_originals, photographs

SHOWN = ("bicubic", "ours", "hr")


@pytest.fixture(autouse=True)
def own(db, settings, tmp_path) -> Path:
    """A set `streets`, and the methods `ours` and `theirs`, which have outputs of it."""
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    settings.PERCEPTUAL_WEIGHTS_DIR = None
    bring(tmp_path, titles={"ours": "Ours, at last"})
    return tmp_path


@pytest.fixture
def signed_in() -> Client:
    """An account with no right but to look."""
    client = Client()
    client.force_login(User.objects.create_user("reader", password="x"))
    return client


@pytest.fixture
def curator() -> Client:
    """An account that may add to the catalogue."""
    user, client = User.objects.create_user("curator", password="x"), Client()
    user.user_permissions.add(Permission.objects.get(codename="add_to_catalogue"))
    client.force_login(user)
    return client


def cell(set_name: str, method: str) -> Cell:
    rows = {row.name: row for row in matrix(catalogue.everything(anew=False)).rows}
    return next(each for each in rows[set_name].cells if each.method == method)


def text(page: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def test_cells_tell_what_is_made_what_is_missing_and_what_there_cannot_be(own, signed_in):
    bring_without_originals("wild", images=photographs(["fox"]))
    stimuli.make_outputs(["streets"], ["bicubic"], progress=False)
    assert (cell("streets", "bicubic").made, cell("streets", "ours").made) == (2, 0)
    why = {name: cell("wild", name).short for name in ("bicubic", "srgan", "ours", "hr")}
    assert why == {
        "bicubic": "", "srgan": "only x4", "ours": "not brought", "hr": "no originals"
    }  # fmt: skip
    page = text(signed_in.get(reverse("catalogue")))
    for words in ("2 of 2", "0 of 1", "only x4", "not brought", "no originals", "Ours, at last"):
        assert words in page
    assert "0 of 5 images are on this server" in page, "of Set5"


def test_an_output_that_was_changed_behind_the_page_is_missing_at_the_next_look(own, settings):
    stimuli.make_outputs(["streets"], ["bicubic"], progress=False)
    assert cell("streets", "bicubic").made == 2
    path = settings.OUTPUTS_DIR / "streets" / "bicubic" / "east.png"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    assert cell("streets", "bicubic").made == 1
    path.write_bytes(content)
    assert cell("streets", "bicubic").made == 2


def test_what_was_made_without_its_figures_is_measured_by_a_click_too(own, curator, settings):
    stimuli.make_outputs(["streets"], ["bicubic"], progress=False)
    record = settings.OUTPUTS_DIR / "streets" / "bicubic" / "east.json"
    record.write_text(record.read_text().replace('"psnr"', '"psnr_of_old"'))
    assert cell("streets", "bicubic").unmeasured == ("PSNR",)
    page = text(curator.get(reverse("catalogue")))
    assert "without PSNR Measure streets by bicubic" in page
    curator.post(reverse("make"), {"make": "streets/bicubic"})
    assert Job.objects.get().what == {"sets": ["streets"], "methods": ["bicubic"]}


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"make": "streets/ours"}, {("streets", "ours")}),
        ({"make": "streets/"}, {("streets", each) for each in ("nearest", "ours", "theirs", "hr")}),
        ({"make": "/nearest"}, {("streets", "nearest"), ("wild", "nearest")}),
        ({"sets": ["wild"], "methods": ["bicubic", "hr"]}, {("wild", "bicubic")}),
        ({"make": "streets/nobodys"}, set()),
        ({"make": "/srgan", "sets": ["wild"]}, set()),
    ],
)
def test_a_click_asks_for_what_is_missing_and_for_nothing_that_cannot_be(
    own, curator, asked, wanted
):
    bring_without_originals("wild", images=photographs(["fox"]))
    stimuli.make_outputs(["streets"], ["bicubic"], progress=False)
    answer = curator.post(reverse("make"), asked)
    assert answer["Location"] == reverse("catalogue")
    cells = {
        (name, method)
        for job in Job.objects.all()
        for name in job.what["sets"]
        for method in job.what["methods"]
    }
    networks = {"srcnn", "drcn", "espcn", "srresnet", "srgan"}
    assert {each for each in cells if each[1].partition("-")[0] not in networks} == wanted
    assert not {each for each in cells if each[0] == "wild"} - wanted, "networks enlarge by 4"
    for name, method in wanted:
        due = cell(name, method)
        assert (due.due is not None, due.lacks) == (True, False)
    if wanted:
        assert "asked for" in text(curator.get(reverse("catalogue")))
        curator.post(reverse("make"), asked)
        assert Deed.objects.filter(kind=Deed.Kind.ASKED).count() == Job.objects.count()


def test_who_may_only_look_sees_no_button_and_changes_nothing(own, signed_in):
    page = signed_in.get(reverse("catalogue"))
    assert "Whoever runs this site decides who may add" in text(page)
    assert b'name="make"' not in page.content
    assert b"Remove" not in signed_in.get(reverse("set_page", args=["streets"])).content
    for address in (
        reverse("make"), reverse("remove_set", args=["streets"]),
        reverse("remove_method", args=["ours"]),
    ):  # fmt: skip
        assert signed_in.post(address).status_code == 403
    assert not Job.objects.exists()
    assert "streets" in datasets.names(own / "benchmarks")


def test_the_pages_of_a_set_and_of_a_method_have_figures_once_all_are_made(own, signed_in):
    stimuli.make_outputs(["streets"], ["bicubic", "hr"], progress=False)
    page = text(signed_in.get(reverse("set_page", args=["streets"])))
    for words in ("east 131×98", "PSNR", "∞", "Shown in no study", "0 of 2"):
        assert words in page
    (psnr,) = re.findall(r"Bicubic 2 of 2 (\d\d\.\d\d) ", page)
    assert 20 < float(psnr) < 35
    page = text(signed_in.get(reverse("method_page", args=["bicubic"])))
    assert f"streets 2 of 2 {psnr}" in page
    assert "original" in page
    for name in ("set_page", "method_page"):
        assert signed_in.get(reverse(name, args=["nobodys"])).status_code == 404


@pytest.mark.parametrize("name", built_in.METHODS)
def test_what_comes_along_tells_what_it_is_whose_and_under_which_terms(signed_in, name):
    page = text(signed_in.get(reverse("method_page", args=[name])))
    assert "not told" not in page
    method = built_in.METHODS[name]
    for words in (method.about, method.source, method.license):
        assert words
        assert escape(words).lower() in page.lower()
    if method.weights:
        whole = hashlib.sha256((built_in.WEIGHTS_DIR / method.weights).read_bytes()).hexdigest()
        for words in (method.weights, whole, "treat the weights as for research"):
            assert words in page + text(signed_in.get(reverse("doc", args=["weights"])))
    assert method.source in catalogue.as_text(catalogue.everything(look=False))


def picture(client: Client, name: str, *of: str) -> Any:
    return client.get(reverse(name, args=of))


def test_pictures_are_small_never_enlarged_and_seen_by_accounts_alone(own, signed_in, settings):
    stimuli.make_outputs(["streets"], ["ours"], progress=False)
    bring_without_originals("tiny", images=photographs(["a"], height=24, width=40))
    large = photographs(["a"], height=150, width=300)
    bring_without_originals("large", images=large)
    for name, size in (("tiny", (40, 24)), ("large", (192, 96))):
        small = picture(signed_in, "small_image", name, "a")
        assert Image.open(io.BytesIO(small.content)).size == size
        assert "no-store" in small["Cache-Control"]
    page = signed_in.get(reverse("set_page", args=["large"])).content.decode()
    (address,) = re.findall(r'src="(/catalogue/sets/large/small/[^"]+)"', page)
    kept = signed_in.get(address)
    assert kept["Cache-Control"] == "private, max-age=31536000, immutable"
    whole = picture(signed_in, "image_of_set", "large", "a")
    assert Image.open(io.BytesIO(whole.content)).tobytes() == large["a"].tobytes()
    output = picture(signed_in, "output", "ours", "streets", "east")
    made = settings.OUTPUTS_DIR / "streets" / "ours" / "east.png"
    assert output.content == made.read_bytes()
    assert picture(signed_in, "small_output", "ours", "streets", "east").status_code == 200
    assert picture(Client(), "small_output", "ours", "streets", "east").status_code == 302


@pytest.mark.parametrize("name", ["..", "../east", "manifest", "nothing", "east.png"])
def test_a_name_that_no_manifest_has_leads_to_no_file(own, signed_in, name):
    for address in (
        f"/catalogue/sets/streets/images/{name}.png", f"/catalogue/sets/{name}/images/east.png",
        f"/catalogue/methods/ours/outputs/{name}/east.png",
        f"/catalogue/methods/{name}/outputs/streets/east.png",
    ):  # fmt: skip
        assert signed_in.get(address).status_code == 404


def test_a_damaged_image_has_no_small_picture(own, signed_in, settings):
    path = settings.BENCHMARKS_DIR / "streets" / "east.png"
    path.write_bytes((settings.BENCHMARKS_DIR / "streets" / "west.png").read_bytes())
    assert picture(signed_in, "small_image", "streets", "east").status_code == 404
    assert picture(signed_in, "small_image", "streets", "west").status_code == 200


def test_own_things_are_removed_once_that_was_confirmed_and_it_is_written_down(own, curator):
    for name, of in (("remove_method", "ours"), ("remove_set", "streets")):
        address = reverse(name, args=[of])
        assert "cannot be undone" in text(curator.get(address))
        assert not Deed.objects.filter(kind=Deed.Kind.REMOVED, details__name=of).exists()
        assert curator.post(address)["Location"] == reverse("catalogue")
        done = Deed.objects.get(kind=Deed.Kind.REMOVED, details__name=of)
        assert (done.account, done.details["of"]) == ("curator", name.removeprefix("remove_"))
        assert curator.get(address).status_code == 404
    assert "streets" not in datasets.names(own / "benchmarks")
    for name, of in (("remove_method", "bicubic"), ("remove_set", "Set5"), ("remove_set", "..")):
        assert curator.post(f"/catalogue/{name[7:]}s/{of}/remove").status_code == 404


def test_what_a_study_shows_is_not_removed(own, curator):
    stimuli.make_outputs(["streets"], SHOWN, progress=False)
    studies.create("noon", sets=["streets"], methods=SHOWN)
    address = reverse("remove_set", args=["streets"])
    assert "It is shown in noon and stays" in text(curator.get(address))
    curator.post(address)
    assert "streets" in datasets.names(own / "benchmarks")
    assert not Deed.objects.filter(kind=Deed.Kind.REMOVED).exists()


def tell(client: Client, name: str, of: str, *, seen: str | None = None, **some: str) -> Any:
    """Send the page on which a set or a method is told otherwise, as it was when it was seen."""
    address = reverse(name, args=[of])
    page = client.get(address).context["form"]
    told = {field.name: field.value() for field in page.visible_fields()}
    return client.post(address, {**told, "seen": seen or json.dumps(page.told), **some})


def test_of_two_who_correct_what_is_told_at_once_neither_overwrites_the_other_unawares(
    own, curator
):
    address = reverse("edit_method", args=["ours"])
    page = curator.get(address).context["form"]
    before = json.dumps(page.told)
    tell(curator, "edit_method", "ours", title="Ours, in short", license="CC0")
    refused = tell(
        curator, "edit_method", "ours", seen=before, title=page.told["title"], license="MIT",
        source="https://ours.example",
    )  # fmt: skip
    assert refused.status_code == 400
    assert "Changed by somebody else meanwhile, from nothing to “CC0”." in text(refused)
    now = methods.chosen(["ours"], settings_of.METHODS_DIR)[0]
    assert (now.title, now.license) == ("Ours, in short", "CC0")
    again = {field.name: field.value() for field in refused.context["form"].visible_fields()}
    assert again["license"] == "MIT", "nothing that was typed is lost"
    again["seen"] = refused.context["form"]["seen"].value()
    assert curator.post(address, again)["Location"]
    now = methods.chosen(["ours"], settings_of.METHODS_DIR)[0]
    assert (now.title, now.license, now.source) == (
        "Ours, in short", "MIT", "https://ours.example",
    )  # fmt: skip
    assert "load it again" in text(curator.post(address, again | {"seen": ""}))


def test_what_only_another_one_has_corrected_stays_so(own, curator):
    before = json.dumps(curator.get(reverse("edit_set", args=["streets"])).context["form"].told)
    tell(curator, "edit_set", "streets", license="CC0")
    answer = tell(curator, "edit_set", "streets", seen=before, license="", title="Streets at noon")
    assert answer.status_code == 302
    told = datasets.manifest("streets", settings_of.BENCHMARKS_DIR)
    assert (told.title, told.license) == ("Streets at noon", "CC0")


def test_a_licence_and_a_title_that_were_wrong_are_corrected_and_nothing_else(own, curator):
    stimuli.make_outputs(["streets"], SHOWN, progress=False)
    studies.create("noon", sets=["streets"], methods=SHOWN)
    before = cell("streets", "ours")
    told = {"title": "Ours, in short", "license": "CC BY 4.0", "source": "https://ours.example"}
    for name, of, some in (
        ("edit_set", "streets", {"title": "Streets at noon", "license": "CC0"}),
        ("edit_method", "ours", told),
    ):
        page = name.replace("edit_set", "set_page").replace("edit_method", "method_page")
        assert b"Change what is told of it" in curator.get(reverse(page, args=[of])).content
        assert tell(curator, name, of, **some)["Location"]
        shown = text(curator.get(reverse(page, args=[of])))
        assert all(words in shown for words in some.values())
        log = Deed.objects.get(kind=Deed.Kind.CHANGED, details__name=of)
        assert (log.account, log.details["license"]) == ("curator", ["", some["license"]])
    assert cell("streets", "ours") == before
    assert Method.objects.get(name="ours").title == "Ours, in short"
    assert Dataset.objects.get(name="streets").title == "Streets at noon"


def test_a_title_that_tables_of_an_open_study_have_stays_and_a_licence_may_be_corrected(
    own, curator
):
    stimuli.make_outputs(["streets"], SHOWN, progress=False)
    studies.open_(studies.create("noon", sets=["streets"], methods=SHOWN))
    refused = tell(curator, "edit_method", "ours", title="Other", license="CC0")
    assert refused.status_code == 400
    assert "The method ours keeps its title: the tables of noon have it by that." in text(refused)
    tell(curator, "edit_method", "ours", title="Ours, at last", license="CC0")
    assert methods.chosen(["ours"], settings_of.METHODS_DIR)[0].license == "CC0"


@pytest.mark.parametrize(
    ("name", "some", "words"),
    [
        ("edit_method", {"title": ""}, "required"),
        ("edit_method", {"title": "Bicubic"}, "has the title"),
        ("edit_method", {"title": "A\u202eB"}, "one line"),
        ("edit_set", {"title": "x" * 101}, "at most 100"),
    ],
)
def test_what_cannot_be_told_is_refused_in_a_sentence(own, curator, name, some, words):
    of = "ours" if name == "edit_method" else "streets"
    answer = tell(curator, name, of, **some)
    assert answer.status_code == 400
    assert words in text(answer)
    assert not Deed.objects.filter(kind=Deed.Kind.CHANGED).exists()


def test_what_is_out_of_date_is_told_and_made_anew_by_a_click(own, curator, settings):
    stimuli.make_outputs(["streets"], ["bicubic"], progress=False)
    assert "out of date" not in text(curator.get(reverse("catalogue"))).lower()
    record = settings.OUTPUTS_DIR / "streets" / "bicubic" / "east.json"
    record.write_text(record.read_text().replace('"bicubic ', '"bicubic of before '))
    (settings.OUTPUTS_DIR / "streets" / "bicubic" / "west.png").write_bytes(b"damaged")
    assert (cell("streets", "bicubic").made, cell("streets", "bicubic").outdated) == (0, 2)
    page = text(curator.get(reverse("catalogue")))
    assert "2 out of date Make anew streets by bicubic" in page
    assert "Out of date: the method, the set or the file of an output was changed" in page
    curator.post(reverse("make"), {"make": "streets/bicubic"})
    assert work.carry_out(Job.objects.get().pk, explain=sentence).state == Job.State.DONE
    assert (cell("streets", "bicubic").made, cell("streets", "bicubic").outdated) == (2, 0)


def test_an_output_that_was_cut_off_while_it_was_made_is_missing_and_not_out_of_date(own, settings):
    stimuli.make_outputs(["streets"], ["bicubic"], progress=False)
    (settings.OUTPUTS_DIR / "streets" / "bicubic" / "east.json").unlink()
    assert (cell("streets", "bicubic").made, cell("streets", "bicubic").outdated) == (1, 0)
