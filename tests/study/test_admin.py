"""The admin shows every model; what is frozen cannot be changed there."""

from __future__ import annotations

import json

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse

from study.desk import links, studies
from study.models import Deed, Invitation, Letter, Member, Rating, Study
from tests.rating.way import vote


@pytest.mark.parametrize("model", list(apps.get_app_config("study").get_models()))
def test_every_model_has_a_page_that_opens(admin_client, rater, model):
    from study.models import StudyStimulus

    if model is StudyStimulus:
        return  # part of the study's own page
    assert admin.site.is_registered(model)
    name = f"admin:study_{model._meta.model_name}"
    assert admin_client.get(reverse(f"{name}_changelist")).status_code == 200
    row = model.objects.first()
    if row is not None:
        assert admin_client.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200


@pytest.fixture
def owner_of(django_user_model):
    """A researcher who is in no study yet."""
    return django_user_model.objects.create_user("maker")


def picked(study: Study) -> list[int]:
    return list(study.studystimulus_set.order_by("pk").values_list("stimulus", flat=True))


def change(client, study, **fields):
    stored = {name: getattr(study, name) for name in ("slug", "title", *Study.PROTOCOL)}
    stored = {k: v for k, v in stored.items() if v is not None and v is not False}
    seen = {name: getattr(study, name) for name in (*stored, *Study.DECLARED, *Study.PROTOCOL)}
    data = {
        **stored,
        "seen": json.dumps(seen | {"wanted": study.wanted, "picked": picked(study)}),
        "studystimulus_set-TOTAL_FORMS": "0", "studystimulus_set-INITIAL_FORMS": "0", **fields,
    }  # fmt: skip
    return client.post(reverse("admin:study_study_change", args=[study.pk]), data)


def test_neither_title_nor_rules_of_an_open_study_can_be_changed(admin_client, open_study):
    assert change(admin_client, open_study, title="New", source_gap=0).status_code == 302
    open_study.refresh_from_db()
    assert open_study.title == "A small study", "it is in every export"
    assert open_study.source_gap == 3
    assert open_study.stimuli.count() == 6


def test_a_draft_can_be_changed(admin_client, draft_study):
    count = draft_study.studystimulus_set.count()
    forms = {"studystimulus_set-TOTAL_FORMS": count, "studystimulus_set-INITIAL_FORMS": count}
    for place, row in enumerate(draft_study.studystimulus_set.order_by("pk")):
        prefix = f"studystimulus_set-{place}"
        forms |= {f"{prefix}-id": row.pk, f"{prefix}-stimulus": row.stimulus_id}
    forms |= {"planned_raters": 30, "least_correlation": 0.7}
    assert change(admin_client, draft_study, source_gap=1, **forms).status_code == 302
    assert (Study.objects.get().planned_raters, Study.objects.get().least_correlation) == (30, 0.7)
    assert Study.objects.get().source_gap == 1


def forms_of(study: Study) -> dict[str, object]:
    """The stimuli of a draft as its page sends them, and what its analysis is told."""
    rows = list(study.studystimulus_set.order_by("pk"))
    forms: dict[str, object] = {
        f"studystimulus_set-{name}_FORMS": len(rows) for name in ("TOTAL", "INITIAL")
    }
    for place, row in enumerate(rows):
        prefix = f"studystimulus_set-{place}"
        forms |= {f"{prefix}-id": row.pk, f"{prefix}-stimulus": row.stimulus_id}
    return forms | {"planned_raters": 26, "least_correlation": 0.75}


def test_what_somebody_else_changed_since_the_page_was_made_is_not_overwritten(
    admin_client, draft_study
):
    forms = forms_of(draft_study)
    Study.objects.update(session_minutes=20, calibrate=True, contact="ann@example.org")
    assert change(admin_client, draft_study, source_gap=1, **forms).status_code == 302
    study = Study.objects.get()
    assert (study.session_minutes, study.calibrate, study.source_gap) == (20, True, 1)
    assert study.contact == "ann@example.org"
    assert Deed.objects.get(kind=Deed.Kind.CHANGED).details == {"source_gap": ["3", "1"]}
    said = change(admin_client, draft_study, session_minutes=15, **forms)
    assert "meanwhile, from 30 to 20; load it again" in said.content.decode()
    assert Study.objects.get().session_minutes == 20
    without = change(admin_client, draft_study, seen="", **forms)
    assert "the page was incomplete" in without.content.decode()


def test_a_choice_made_meanwhile_is_not_replaced_by_picks(admin_client, draft_study):
    forms = forms_of(draft_study) | {"studystimulus_set-0-DELETE": "on"}
    wanted = {"Samples": {"methods": ["hr", "bicubic"], "without": []}}
    Study.objects.update(wanted=wanted)
    said = change(admin_client, draft_study, **forms)
    assert "Somebody else chose meanwhile what is shown" in said.content.decode()
    assert (Study.objects.get().wanted, draft_study.stimuli.count()) == (wanted, 6)


def test_of_two_who_pick_images_at_once_the_second_is_told(admin_client, draft_study):
    page = admin_client.get(reverse("admin:study_study_change", args=[draft_study.pk]))
    seen = page.context["adminform"].form.initial["seen"]
    assert seen["picked"] == picked(draft_study)
    forms = forms_of(draft_study) | {"studystimulus_set-0-DELETE": "on"}
    draft_study.studystimulus_set.order_by("pk").last().delete()
    now = picked(draft_study)
    said = change(admin_client, draft_study, seen=json.dumps(seen), **forms)
    assert "Somebody else chose meanwhile what is shown" in said.content.decode()
    assert picked(draft_study) == now


def test_votes_cannot_be_made_changed_or_deleted(admin_client, rater):
    for action in ("add", "delete", "change"):
        args = [] if action == "add" else [rater.pk]
        address = reverse(f"admin:study_rater_{action}", args=args)
        assert admin_client.post(address, {"position": 3}).status_code == 403
    address = reverse("admin:study_study_delete", args=[rater.study_id])
    assert admin_client.post(address, {"post": "yes"}).status_code == 403


def test_votes_of_a_closed_study_are_not_seen_there_without_a_look_either(admin_client, rater):
    vote(rater, 3)
    studies.close(rater.study)
    admin_client.get(reverse("admin:study_rating_changelist"))
    studies.open_(rater.study)
    assert Deed.objects.early_looks(rater.study).filter(account="admin").count() == 1


def test_whoever_may_not_see_a_vote_leaves_no_look(client, rater, django_user_model):
    vote(rater, 3)
    client.force_login(django_user_model.objects.create_user("staff", is_staff=True))
    row = Rating.objects.get()
    for page in ("change", "history", "delete"):
        address = reverse(f"admin:study_rating_{page}", args=[row.pk])
        assert client.get(address).status_code == 403
    assert not Deed.objects.looks(rater.study).exists()


def test_the_admin_leads_to_no_raters_link(admin_client, invitation):
    kind = ContentType.objects.get_for_model(invitation).pk
    answer = admin_client.get(f"/admin/r/{kind}/{invitation.pk}/")
    assert answer["Location"] == reverse("admin:index")
    page = admin_client.get(reverse("admin:study_invitation_change", args=[invitation.pk]))
    assert invitation.token not in page.content.decode()
    assert f"/admin/r/{kind}/" not in page.content.decode()


def test_what_is_changed_is_written_down_from_what_to_what(admin_client, draft_study):
    count = draft_study.studystimulus_set.count()
    rows = list(draft_study.studystimulus_set.order_by("pk"))
    forms = {"studystimulus_set-TOTAL_FORMS": count, "studystimulus_set-INITIAL_FORMS": count}
    for place, row in enumerate(rows):
        prefix = f"studystimulus_set-{place}"
        forms |= {f"{prefix}-id": row.pk, f"{prefix}-stimulus": row.stimulus_id}
    forms |= {"studystimulus_set-0-DELETE": "on"}
    forms |= {"planned_raters": 30, "least_correlation": 0.75}
    assert change(admin_client, draft_study, source_gap=1, **forms).status_code == 302
    deed = Deed.objects.get(kind=Deed.Kind.CHANGED)
    assert (deed.study, deed.account) == (draft_study, "admin")
    assert deed.details["source_gap"] == ["3", "1"]
    assert deed.details["planned_raters"] == ["26", "30"]
    assert deed.details["stimuli without"] == [str(rows[0])]
    assert "least_correlation" not in deed.details


def test_a_withdrawn_link_stays_withdrawn_and_the_log_cannot_be_changed(admin_client, invitation):
    links.revoke(invitation)
    deed = Deed.objects.get(kind=Deed.Kind.REVOKED)
    for name, row in (("invitation", invitation), ("deed", deed)):
        for action in ("change", "delete"):
            address = reverse(f"admin:study_{name}_{action}", args=[row.pk])
            assert (
                admin_client.post(address, {"post": "yes", "revoked_at_0": ""}).status_code == 403
            )
    invitation.refresh_from_db()
    assert invitation.revoked_at
    with pytest.raises(ValueError, match="written once"):
        deed.save()


def test_a_deleted_draft_leaves_its_name_in_the_log(admin_client, draft_study):
    address = reverse("admin:study_study_delete", args=[draft_study.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    deed = Deed.objects.get(kind=Deed.Kind.DELETED)
    assert (deed.study, deed.about, deed.account) == (None, "small", "admin")


def test_the_page_of_a_large_or_open_study_leads_to_its_images_instead_of_listing_them(
    admin_client, open_study
):
    page = admin_client.get(reverse("admin:study_study_change", args=[open_study.pk]))
    assert b"6 images" in page.content
    assert b"studystimulus_set" not in page.content
    address = reverse("admin:study_stimulus_changelist")
    listed = admin_client.get(address, {"study__id__exact": open_study.pk})
    assert listed.context["cl"].result_count == 6


def test_a_draft_that_staff_makes_is_theirs(client, django_user_model):
    user = django_user_model.objects.create_superuser("head")
    client.force_login(user)
    form = client.get("/admin/study/study/add/").context["adminform"].form
    told = {name: field.initial for name, field in form.fields.items()} | form.initial
    told = {name: value for name, value in told.items() if value is not None and value is not False}
    rows = {f"studystimulus_set-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    told |= {"slug": "mine", "title": "Mine"} | rows
    answer = client.post("/admin/study/study/add/", told)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    (member,) = Member.objects.all()
    assert (member.study.slug, member.user, member.role) == ("mine", user, "owner")


def test_the_admin_shows_no_address_of_a_rater_and_no_letter(client, open_study, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("head"))
    link = Invitation.objects.create(
        study=open_study, number=1, name="Jane Doe", mail="jane@example.org"
    )
    letter = Letter.objects.create(
        invitation=link, kind="invite", mail=link.mail, subject="For you", body="Dear Jane",
        problem="550 <jane@example.org>",
    )  # fmt: skip
    for row in (link, letter):
        model = row._meta.model_name
        for page in (f"/admin/study/{model}/", f"/admin/study/{model}/{row.pk}/change/"):
            answer = client.get(page)
            assert answer.status_code == 200
            assert "jane" not in answer.content.decode().lower()
