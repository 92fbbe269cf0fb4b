"""The access table: what every address answers to everyone, whatever verb they use.

The table itself is in docs/security.md, under "Who gets what", with its legend: that page is both
what a reviewer reads and what this test holds the site to. A new address fails the test until it
has a row there; so does an answer that differs from its cell.
"""

from __future__ import annotations

import io
import json
import logging
import re
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as configured
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import Client, RequestFactory
from django.test.client import ClientHandler
from django.urls import Resolver404, URLResolver, get_resolver, resolve, reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from PIL import Image

from study import models
from study.admin.frozen import Frozen
from study.admin.raters import Telling
from study.desk import links, studies, uploads
from study.desk.sections import SECTIONS
from study.models import Invitation, Member, Rater, Role, Study, Trial
from study.models.deeds import By
from study.rating import sessions
from study.site.admission import admission
from tests.rating.way import vote

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
WHERE = "the table under 'Who gets what' in docs/security.md"
SITE, FACTORY = ClientHandler(enforce_csrf_checks=True), RequestFactory()
VERBS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
TITLE, TEXT, METHOD = "Title of the first", "Consent of the first", "Kestrel"
PLACES = {
    "job": r"/jobs/\d+/",
    "login": r"/(admin/)?login/", "home": "/", "rate": "/rate/", "study": "/studies/small/",
    "studies": "/studies/", "password": "/password/", "account": "/account/",
    "mail": "/studies/small/raters/mail/", "link": r"/password/new/\w+/set-password/",
    "icon": r"/static/study/site/icon[.\w]*",
    "admin": "/admin/", "catalogue": "/catalogue/", "people": "/people/",
    "members": "/studies/small/people/", "compare": "/studies/small/compare/",
    "raters": "/studies/small/raters/", "rater": r"/studies/small/raters/\d+/",
    "preview": "/studies/small/preview/.*",
    "new": "/new-study/", "part": r"/studies/\w+/edit/\w+",
    "list": r"/admin/\w+/\w+/", "change": r"/admin/\w+/\w+/\d+/(change/|password/\.\./)",
}  # fmt: skip
"""The words of the table for where an answer leads to."""
LETTERS = "TNRLPpI"
"""Those of the table for what is told, see _told."""
REFUSALS = ("401", "403", "404", "405", "410", "429", "login")
PASSWORD = "four words of a kind"


@dataclass
class Cast:
    """The people of the table, by what their browsers send, and what is the first study's."""

    cookies: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    """Those of forms, which prove that a page of this site was there before."""
    own: dict[str, list[str]] = field(default_factory=dict)
    """For each rater what they may be told: the tokens of their trials, their code."""
    words: dict[str, str] = field(default_factory=dict)
    """What stands for the capitals of the table's addresses, so far as it is one thing."""
    keys: dict[str, int] = field(default_factory=dict)
    """A row of each model, by the middle of its address in the admin: ``study/rater``."""
    links: list[str] = field(default_factory=list)
    images: set[bytes] = field(default_factory=set)


@pytest.fixture
def cast(draft_study, settings, generated) -> Iterator[Cast]:
    """Fourteen roles. The second study has an image in common with the first, as studies have."""
    logging.disable(logging.ERROR)  # of refusals
    settings.VAR_DIR.mkdir(exist_ok=True)
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    settings.MAIL, settings.EMAIL_HOST, settings.EMAIL_PORT = True, "127.0.0.1", 1
    first, second = draft_study, _study("second")
    first.title = TITLE
    studies.set_protocol(first, {"consent": TEXT, "language": "en"})
    first.save()
    studies.open_(first)
    models.Method.objects.filter(name="bicubic").update(title=METHOD)
    invited = links.invite(first, 5)
    Invitation.objects.filter(pk=invited[4].pk).update(mail="e@example.org")
    roles = ("A", "B", "finished", "revoked")
    raters = dict(zip(roles, map(sessions.enrol, invited[:4]), strict=True))
    raters["other"] = sessions.enrol(links.invite(second, 1)[0])
    Trial.objects.update(delivered_at=timezone.now())
    for trial in range(6):
        vote(raters["finished"], 4)
        if trial == 0:
            vote(raters["revoked"], 3)
    Trial.objects.filter(rater=raters["A"], position=1).update(delivered_at=None)
    a_row_of_each_model(raters["A"])

    found = Cast()
    for name, who in {**raters, "visitor": None, **_accounts(first, second)}.items():
        client = Client()
        if isinstance(who, User):
            client.force_login(who)
        elif who and who.invitation:
            client.get(who.invitation.get_absolute_url())
            who.refresh_from_db()
            tokens = Trial.objects.filter(rater=who).values_list("token", flat=True)
            found.own[name] = [*tokens, *([who.completion_code] if who.completion_code else [])]
        if name in Role.values:
            client.post(reverse("look", args=["small"]))
        found.tokens[name] = _token(client)
        found.cookies[name] = client.cookies.output(attrs=[], header="", sep=";").strip()
    links.revoke(invited[3])

    found.words = {
        "UNUSED": invited[4].token, "REVOKED": invited[3].token, "SLUG": "small",
        "DRAFT": "draft",
        "DUE": found.own["A"][0], "NEXT": found.own["A"][1], "LATER": found.own["A"][5],
        "NUMBER": "1", "CHECKSUM": first.stimuli.first().sha256,
        "JOB": str(models.Job.objects.get().pk), "SOURCE": first.stimuli.all()[0].source.name,
        "KIND": str(ContentType.objects.get_for_model(Invitation).pk),
    }  # fmt: skip
    head = User.objects.get(username="super")
    of = User.objects.get(username="owner")
    found.words |= {
        "KEY": urlsafe_base64_encode(force_bytes(of.pk)),
        "TOKEN": default_token_generator.make_token(of),
    }  # fmt: skip
    found.words |= {"SIGNATURE": admission(head.pk), "UPLOAD": uploads.begin(head)}
    for model in admin.site._registry:
        row = model._default_manager.order_by("pk").first()
        assert row, f"{model} has no row here: make one in a_row_of_each_model"
        found.keys[f"{model._meta.app_label}/{model._meta.model_name}"] = row.pk
    found.keys["auth/user"] = User.objects.get(username="outsider").pk
    found.words["PERSON"] = str(found.keys["auth/user"])
    found.links = list(Invitation.objects.filter(study=first).values_list("token", flat=True))
    found.images = {_pixels(s.path.read_bytes()) for s in first.stimuli.all()}
    yield found
    logging.disable(logging.NOTSET)


def _study(slug: str) -> Study:
    methods = ("nearest", "bicubic")
    made = studies.create(
        slug, title=slug, sets=["Samples"], methods=methods, protocol={"first_stabilising": 0}
    )
    studies.open_(made)
    return made


def a_row_of_each_model(rater: Rater) -> None:
    """Rows of the models that nothing above has made any of."""
    models.Screening.objects.create(rater=rater, answers={})
    stimulus, rating = rater.study.stimuli.all()[0], models.Rating.objects.all()[0]
    models.Anchor.objects.create(study=rater.study, stimulus=stimulus, score=1)
    told = {"original_score": 3, "score": 4, "client_id": uuid.uuid4(), "after_ms": 900}
    models.Revision.objects.create(rating=rating, **told)
    measure = models.Measure.objects.all()[0]
    whole = {"dataset": stimulus.source.dataset, "method": stimulus.method, "version": "1"}
    models.SetMeasure.objects.create(measure=measure, stimuli_sha256="0" * 64, value=1, **whole)
    Group.objects.create(name="a group")
    models.Job.objects.create(kind=models.Job.Kind.MEASURE, study=rater.study)
    invitation = Invitation.objects.get(rater=rater)
    models.Letter.objects.create(invitation=invitation, kind="remind", mail="a@example.org")


def _accounts(first: Study, second: Study) -> dict[str, User]:
    def made(name: str, app: str = "", **what: Any) -> User:
        user = User.objects.create_user(name, password=PASSWORD, **what)
        user.user_permissions.set(Permission.objects.filter(content_type__app_label=app))
        return user

    found = {
        "owner": made("owner"),
        "editor": made("editor"),
        "viewer": made("viewer"),
        "outsider": made("outsider"),
        "staff": made("staff", is_staff=True),
        "study.*": made("of studies", "study", is_staff=True),
        "auth.*": made("of accounts", "auth", is_staff=True),
        "superuser": made("super", is_staff=True, is_superuser=True),
    }
    for role in Role:
        Member.objects.create(study=first, user=found[role.value], role=role)
    studies.draft("draft", title=TITLE, source=first, by=By())
    second.researchers.add(found["outsider"])
    return found


def _token(client: Client) -> str:
    """What the forms of this site carry."""
    page = client.get("/login/")
    page = client.get("/studies/") if page.status_code == 302 else page
    return re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[0]


@dataclass(frozen=True)
class Row:
    """A line of the table; it may stand for several addresses that are alike."""

    addresses: tuple[str, ...]
    verbs: tuple[str, ...]
    cells: dict[str, str]

    def __str__(self) -> str:
        verbs = {VERBS: "all", tuple(v for v in VERBS if v != "POST"): "all but POST"}
        shown = verbs.get(self.verbs, " ".join(self.verbs))
        named = " ".join(f"`{address}`" for address in self.addresses)
        return f"| {named} | {shown} | {' | '.join(self.cells.values())} |"


def table() -> list[Row]:
    """The lines of the table in docs/security.md."""
    part = PAGE.read_text().split("## Who gets what\n")[1].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    roles = [cell.strip() for cell in lines[0][2:]]
    rows = []
    for cells in lines[2:]:
        addresses, verbs, *told = (cell.strip() for cell in cells)
        named = {"all": VERBS, "all but POST": tuple(v for v in VERBS if v != "POST")}
        of = named.get(verbs) or tuple(verbs.split())
        assert set(of) <= set(VERBS), f"{verbs}: not verbs, in a row of {WHERE}"
        assert len(told) == len(roles), f"{len(told)} cells for {len(roles)} roles: {addresses}"
        rows.append(
            Row(tuple(re.findall("`(.+?)`", addresses)), of, dict(zip(roles, told, strict=True)))
        )
    return rows


def filled(address: str, cast: Cast) -> list[str]:
    """The addresses that a row stands for: capitals replaced by what is the first study's."""
    groups: dict[str, list[str]] = {"TELLING": [], "FROZEN": [], "": [""]}
    for model, pages in admin.site._registry.items():
        if isinstance(pages, Frozen):
            group = "TELLING" if isinstance(pages, Telling) else "FROZEN"
            groups[group].append(str(model._meta.model_name))
    found = []
    group = next(word for word in groups if word in address)
    for name in groups[group]:
        one = address.replace(group, name) if group else address
        one = re.sub(r"\b[A-Z]{3,}\b", lambda word: cast.words[word[0]], one)
        if "ID" in one:
            key = cast.keys.get("/".join(one.split("/")[2:4]), cast.keys["study/invitation"])
            one = one.replace("ID", str(key))
        found.append(one)
    return found


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """Every address that Django knows, as it writes them."""
    for pattern in resolver.url_patterns:
        here = before + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, here)
        else:
            yield here


def test_every_address_has_a_row(cast):
    known = set(routes(get_resolver()))
    told = set()
    for pattern in {pattern for row in table() for pattern in row.addresses}:
        for address in filled(pattern, cast):
            try:
                told.add(resolve(urlsplit(address).path).route.replace("/^", "/"))
            except Resolver404:
                pytest.fail(f"{pattern} is no address any more: take it out of {WHERE}")
    missing = sorted(known - told)
    assert missing == [], f"add a row, with ? in every cell, to {WHERE} for each of {missing}"


def test_everyone_gets_what_the_table_says_and_no_more(cast):
    before, wrong, listed = stored(), [], set()
    for row in table():
        answers = {role: asked(cast, role, row, before) for role in row.cells}
        if answers != row.cells:
            wrong.append(f"{row}\n  {Row(row.addresses, row.verbs, answers)}")
        patterns = chain(*(filled(pattern, cast) for pattern in row.addresses))
        listed |= {(address, verb) for address in patterns for verb in row.verbs}
    for address in sorted({address for address, _ in listed}):
        for verb in [verb for verb in VERBS if (address, verb) not in listed]:
            said = {answer(cast, role, verb, address, before)[0] for role in cast.cookies}
            if said != {"405"}:
                wrong.append(f"{address} has no row for {verb}, which is answered {said}")
    told = f"in {WHERE}: what a row says, and below it what the site answers\n"
    assert wrong == [], told + "\n".join(wrong)


def test_nothing_is_stored_for_whoever_is_refused():
    for row in table():
        for role, cell in row.cells.items():
            if cell.strip("*").split()[0] in REFUSALS:
                assert not set(cell) & {"*", "+"}, f"{row.addresses}, {role}: {cell}"


def test_a_form_without_its_token_is_refused_to_everyone_and_stores_nothing(cast):
    before, wrong = stored(), []
    patterns = {pattern for row in table() for pattern in row.addresses}
    for address in sorted({each for pattern in patterns for each in filled(pattern, cast)}):
        said = {answer(cast, role, "POST", address, before, token=False) for role in cast.cookies}
        if said != {("403", "")}:
            wrong.append(f"{address}: {said}")
    assert wrong == []


def asked(cast: Cast, role: str, row: Row, before: dict[str, bytes]) -> str:
    """The cell that is right for a row: of several addresses and verbs, what all of them answer.

    Where capitals stand for the pages of many models, which are of one class, verbs that no page
    uses are tried on the first: there are thousands of answers to get.
    """
    status, told = set(), ""
    for pattern in row.addresses:
        first, *others = filled(pattern, cast)
        asks = [(first, verb) for verb in row.verbs]
        asks += [(other, verb) for other in others for verb in row.verbs if verb in ("GET", "POST")]
        for address, verb in asks:
            said, letters = answer(cast, role, verb, address, before, data=body(pattern))
            status.add(said)
            told += letters
    letters = "".join(letter for letter in LETTERS if letter in told)
    return f"{' or '.join(sorted(status))} {letters}".strip()


def body(pattern: str) -> dict[str, Any]:
    """What is sent: what would do something, if it were allowed."""
    name = "another"
    blank = Study()
    defaults = {setting: getattr(blank, setting) for setting in Study.PROTOCOL}
    study: dict[str, Any] = {"slug": name, "title": name}
    study |= {"planned_raters": 26, "least_correlation": 0.75}
    study |= {k: value for k, value in defaults.items() if value is not None and value is not False}
    study |= {"studystimulus_set-TOTAL_FORMS": 0, "studystimulus_set-INITIAL_FORMS": 0}
    study["seen"] = json.dumps({})  # as the page of one that was opened has it
    seen = {name: getattr(blank, name) for name in SECTIONS["sessions"].form.Meta.fields}
    seen["first_stabilising"] = 0  # as the first study has it
    typed = {name: "" if value is None else value for name, value in seen.items()}
    passwords = {"password1": PASSWORD + "s", "password2": PASSWORD + "s"}
    bodies: dict[str, dict[str, Any]] = {
        "/login/": {"username": "owner", "password": "wrong"},
        "/password/": {
            "old_password": PASSWORD, "new_password1": PASSWORD * 2, "new_password2": PASSWORD * 2,
        },
        "/studies/SLUG/raters/invite": {"count": 1},
        "/studies/SLUG/raters/selected": {"do": "revoke", "numbers": ["1", "2"], "sure": "yes"},
        "/studies/SLUG/raters/approval": {"approves": "yes"},
        "/studies/SLUG/raters/NUMBER/": {"name": "Jane Doe", "mail": "jane@example.org"},
        **{
            f"/studies/SLUG/raters/NUMBER/{verb}": {"sure": "yes"}
            for verb in ("revoke", "replace", "delete")
        },
        "/password/forgotten/": {"mail": "nobody@example.org"},
        "/account/": {"mail": "new@example.org", "password": PASSWORD},
        "/studies/SLUG/raters/mail/": {
            "numbers": "5", "seen": "0", "subject": "Hello", "body": "{link}", "send": "yes",
        },
        "/studies/SLUG/raters/mail/again": {"all": "yes"},
        "/new-study/": {"title": name, "start": "quick"},
        "/studies/SLUG/people/": {"name": "super", "role": "viewer", "add": "yes"},
        "/studies/DRAFT/edit/sessions": typed | {"seen": json.dumps(seen), "retests": 1},
        "/studies/DRAFT/edit/shown": {
            "seen": '{"wanted": null}', "cell": ["Samples nearest", "Samples hr"],
        },
        **{f"/studies/SLUG/{verb}": {"sure": "yes"} for verb in ("open", "close", "delete")},
        "/people/": {"username": name},
        "/studies/SLUG/rehearse": {"raters": 2, "seed": 1},
        "/rate/leave": {"answers": "delete"},
        "/rate/vote": {"trial": "DUE", "score": 3, "id": str(uuid.uuid4()), "response_ms": 1500},
        "/admin/study/study/add/": study,
        "/admin/study/study/ID/change/": study,
        "/admin/auth/user/add/": {"username": name, "usable_password": "true", **passwords},
        "/admin/auth/user/ID/change/": {
            "username": "outsider", "is_active": "on", "is_staff": "on", "is_superuser": "on",
            "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
        },
        "/admin/auth/user/ID/password/": {"usable_password": "true", **passwords},
        "/admin/auth/group/add/": {"name": name},
        "/admin/auth/group/ID/change/": {"name": name},
    }  # fmt: skip
    return bodies.get(
        pattern, {"post": "yes", "action": "delete_selected", "_selected_action": ["1", "2"]}
    )


def answer(
    cast: Cast, role: str, verb: str, address: str, before: dict[str, bytes], *,
    token: bool = True, data: dict[str, Any] | None = None,
) -> tuple[str, str]:  # fmt: skip
    """What is answered, with the marks of the table, and what is told; all of it undone again."""
    sent: dict[str, Any] = {"HTTP_COOKIE": cast.cookies[role]}
    if token:
        sent["HTTP_X_CSRFTOKEN"] = cast.tokens[role]
    if verb == "POST" and data:
        sent |= _encoded(data, cast)
    environ = getattr(FACTORY, verb.lower())(address, **sent).environ
    written: set[str] = set()
    with transaction.atomic(), connection.execute_wrapper(_noting(written)):
        response = SITE(environ)
        changed = _changed(before) if written - {"django_session"} else set()
        transaction.set_rollback(True)
    assert set(response.cookies) <= {configured.SESSION_COOKIE_NAME}, f"{address}: another cookie"
    said = _said(response)
    said = f"**{said}**" if changed - {"study_deed"} else said
    return said + (" +" if "study_deed" in changed else ""), _told(cast, role, response)


def _encoded(data: dict[str, Any], cast: Cast) -> dict[str, Any]:
    if "trial" in data:
        told = data | {"trial": cast.words[data["trial"]]}
        return {"data": json.dumps(told), "content_type": "application/json"}
    return {"data": data}


def _said(response: Any) -> str:
    if "Location" not in response:
        return str(response.status_code)
    to = urlsplit(response["Location"])
    assert to.netloc in {"", "testserver"}, f"leads off the site: {response['Location']}"
    words = [word for word, place in PLACES.items() if re.fullmatch(place, to.path)]
    return words[0] if words else f"{response.status_code} {to.path}"


def _told(cast: Cast, role: str, response: Any) -> str:
    """The letters of the table for what is in an answer."""
    content = f"{response.headers.get('Location', '')}\n".encode() + response.content
    if response.content.startswith(b"PK"):
        archive = zipfile.ZipFile(io.BytesIO(response.content))
        content += b"\n".join(archive.read(name) for name in archive.namelist())
    own = "|".join(cast.own.get(role, ["(?!)"]))
    others = "|".join(chain(*(tokens for name, tokens in cast.own.items() if name != role)))
    patterns = {
        "T": f"{TITLE}|{TEXT}",
        "N": rf"{METHOD}|\bnearest\b|\bbicubic\b",
        "R": r"(?<![\d.])3\.6[67]|SVG 1\.1|method,score|trial \d: \d|field-(response_ms|original)"
        r"|MOS <b>\d",
        "L": "|".join(cast.links),
        "P": rf"\bR00\d\b|{others}",
        "p": own,
    }
    found = [letter for letter, what in patterns.items() if re.search(what.encode(), content)]
    if response.headers.get("Content-Type") == "image/png" and response.content:
        found += ["I"] * (_pixels(response.content) in cast.images)
    return "".join(found)


def _pixels(png: bytes) -> bytes:
    return sha256(Image.open(io.BytesIO(png)).tobytes()).digest()


WRITING = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM|REPLACE INTO)\s+"?(\w+)', re.IGNORECASE)


def _noting(written: set[str]):
    """Takes down the tables that are written to."""

    def wrapper(execute, sql, params, many, context):
        if found := WRITING.match(sql):
            written.add(found[1])
        return execute(sql, params, many, context)

    return wrapper


def stored() -> dict[str, bytes]:
    """A checksum of every table but that of the sessions."""
    found = {}
    with connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            if name != "django_session":
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)} ORDER BY 1")
                found[name] = sha256(repr(cursor.fetchall()).encode()).digest()
    return found


def _changed(before: dict[str, bytes]) -> set[str]:
    now = stored()
    return {name for name, checksum in now.items() if before[name] != checksum}
