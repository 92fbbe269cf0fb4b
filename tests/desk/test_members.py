"""Who works on a study, and in which role: what each role may do is one table, told and kept."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from study.desk import members, studies
from study.models import MAY, Deed, Member, Right, Role, Study
from study.models.deeds import By
from study.site.access import rights

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
PEOPLE = "/studies/small/people/"


@pytest.fixture
def anna(client, draft_study) -> Client:
    """An owner of the study."""
    user = User.objects.create_user("anna")
    Member.objects.create(study=draft_study, user=user, role=Role.OWNER)
    client.force_login(user)
    return client


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def roles(study: Study) -> dict[str, str]:
    return dict(study.members.values_list("user__username", "role"))


def told() -> dict[str, dict[str, bool]]:
    """The table of docs/security.md: for each right, which roles have it."""
    part = PAGE.read_text().split("## Roles\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    heads = [cell.strip() for cell in rows[0][2:]]
    return {
        re.findall("`(.+?)`", row[0])[0]: {
            head: cell.strip() == "yes" for head, cell in zip(heads, row[2:], strict=True)
        }
        for row in rows[1:]
    }


def test_the_table_of_roles_in_the_documentation_is_the_one_that_holds():
    holds = {
        right.value: {role.value: right in MAY[role] for role in Role} | {"superuser": True}
        for right in Right
    }
    assert told() == holds
    assert MAY[Role.VIEWER] < MAY[Role.EDITOR] < MAY[Role.OWNER] == frozenset(Right)


def test_rights_follow_the_role_and_nobody_else_has_any(draft_study, outsider, django_user_model):
    head = django_user_model.objects.create_superuser("head")
    assert rights(head, draft_study) == frozenset(Right)
    assert rights(outsider, draft_study) == rights(AnonymousUser(), draft_study) == frozenset()
    for role in Role:
        Member.objects.update_or_create(study=draft_study, user=outsider, defaults={"role": role})
        assert rights(outsider, draft_study) == MAY[role]
        for right in Right:
            found = Study.objects.allowing(outsider, right).filter(pk=draft_study.pk).exists()
            assert found == (right in MAY[role])


def test_an_owner_adds_people_changes_their_roles_and_takes_them_away(anna, draft_study, outsider):
    anna.post(PEOPLE, {"name": " outsider ", "role": "viewer", "add": "yes"})
    assert roles(draft_study) == {"anna": "owner", "outsider": "viewer"}
    page = client_of("outsider").get(PEOPLE).content.decode()
    assert "Viewer" in page
    assert "<select" not in page
    anna.post(PEOPLE, {"name": "outsider", "role": "editor"})
    assert roles(draft_study)["outsider"] == "editor"
    assert client_of("outsider").post(PEOPLE, {"name": "anna", "remove": "yes"}).status_code == 403
    anna.post(PEOPLE, {"name": "outsider", "remove": "yes"})
    assert roles(draft_study) == {"anna": "owner"}
    assert client_of("outsider").get(PEOPLE).status_code == 404
    deeds = Deed.objects.filter(kind=Deed.Kind.SHARED).order_by("pk")
    assert [(deed.account, deed.details) for deed in deeds] == [
        ("anna", {"of": "outsider", "role": ["nobody", "viewer"]}),
        ("anna", {"of": "outsider", "role": ["viewer", "editor"]}),
        ("anna", {"of": "outsider", "role": ["editor", "nobody"]}),
    ]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": "nobody", "role": "viewer", "add": "yes"}, "There is no account “nobody”"),
        ({"name": "anna", "role": "viewer", "add": "yes"}, "anna is owner of this study already"),
        ({"name": "outsider", "role": "king", "add": "yes"}, "is no role"),
        ({"name": "outsider", "role": "viewer"}, "outsider has no role in this study"),
        ({"name": "anna", "role": "viewer"}, "The last owner of a study stays one"),
        ({"name": "anna", "remove": "yes"}, "The last owner of a study stays one"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_changes_nothing(
    anna, draft_study, outsider, sent, said
):
    page = anna.post(PEOPLE, sent, follow=True).content.decode()
    assert said in page.replace("&#x27;", "'")
    assert roles(draft_study) == {"anna": "owner"}
    assert not Deed.objects.filter(kind=Deed.Kind.SHARED).exists()


def test_whoever_takes_themselves_away_is_led_to_their_studies(anna, draft_study, outsider):
    Member.objects.create(study=draft_study, user=outsider, role=Role.OWNER)
    assert anna.post(PEOPLE, {"name": "anna", "remove": "yes"})["Location"] == "/studies/"
    assert anna.get(PEOPLE).status_code == 404


def test_a_viewer_sees_no_link_and_a_refusal_says_whom_it_takes(open_study, outsider):
    Member.objects.create(study=open_study, user=outsider, role=Role.VIEWER)
    viewer = client_of("outsider")
    page = viewer.get(reverse("study", args=["small"])).content.decode()
    assert "/r/" not in page
    assert reverse("close_study", args=["small"]) not in page
    refused = viewer.post(reverse("close_study", args=["small"]), {"sure": "yes"})
    assert refused.status_code == 403
    assert "owner or editor" in refused.content.decode()
    open_study.refresh_from_db()
    assert open_study.state == Study.State.OPEN


def test_a_copy_has_the_same_people_and_whoever_made_it_is_an_owner(draft_study, outsider):
    other = User.objects.create_user("anna")
    Member.objects.create(study=draft_study, user=outsider, role=Role.VIEWER)
    Member.objects.create(study=draft_study, user=other, role=Role.EDITOR)
    copy = studies.draft("copy", title="Copy", source=draft_study, by=By(outsider, "outsider"))
    assert roles(copy) == {"outsider": "owner", "anna": "editor"}
    members.change(copy, "anna", Role.VIEWER, by=By())
    assert roles(draft_study)["anna"] == "editor"


def test_an_owner_who_cannot_sign_in_is_not_the_one_that_a_study_is_left_to(draft_study, outsider):
    owner = User.objects.create_user("anna")
    members.own(draft_study, owner)
    members.add(draft_study, outsider.username, Role.OWNER, by=By())
    User.objects.filter(pk=outsider.pk).update(is_active=False)
    with pytest.raises(ValueError, match="The last owner of a study stays one"):
        members.remove(draft_study, owner.username, by=By())
    members.remove(draft_study, outsider.username, by=By())
    assert list(roles(draft_study)) == [owner.username]


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_take_each_other_away_at_once_leave_one(draft_study):
    owners = [User.objects.create_user(name) for name in ("anna", "bert")]
    for user in owners:
        members.own(draft_study, user)
    start, refused = Barrier(2), []

    def take_away(name: str) -> None:
        start.wait()
        try:
            members.remove(draft_study, name, by=By())
        except ValueError as problem:
            refused.append(str(problem))
        finally:
            connection.close()

    threads = [Thread(target=take_away, args=[user.username]) for user in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert draft_study.members.filter(role=Role.OWNER).count() == 1
    assert len(refused) == 1
