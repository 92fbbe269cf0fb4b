"""The addresses of researchers and admins, and the start page."""

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import include, path, reverse_lazy
from django.views.generic import RedirectView

from study.desk.views import (
    account,
    beginning,
    bringing,
    calibration,
    catalogue,
    docs,
    drafts,
    jobs,
    mail,
    members,
    opening,
    people,
    preview,
    sheet,
    studies,
)
from study.site.forgotten import Forgotten, NewPassword
from study.site.sign_in import ChangePassword, SignIn, SignOut

PREVIEWED = [
    # As raters' pages have them below the site's address: `study.rating.urls`.
    path("", preview.page, name="preview_page"),
    path("rate/", preview.on),
    path("rate/start", preview.on),
    path("rate/begin", preview.on),
    path("rate/screening", preview.screen),
    path("rate/leave", preview.leave),
    path("rate/plate/<int:number>", preview.plate),
    path("rate/next", preview.upcoming),
    path("rate/vote", preview.vote),
]

urlpatterns = [
    path("", studies.home, name="home"),
    path("login/", SignIn.as_view(template_name="study/desk/login.html"), name="login"),
    path("logout/", SignOut.as_view(), name="logout"),
    path(
        "password/",
        ChangePassword.as_view(template_name="study/desk/password.html"),
        name="password",
    ),
    path(
        "password/forgotten/",
        Forgotten.as_view(template_name="study/desk/forgotten.html"),
        name="forgotten",
    ),
    path(
        "password/new/<str:uidb64>/<str:token>/",
        NewPassword.as_view(template_name="study/desk/new_password_by_link.html"),
        name="new_password_by_link",
    ),
    path("account/", login_required(account.Account.as_view()), name="account"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<int:job>/", jobs.show, name="job"),
    path("jobs/<int:job>/card", jobs.card, name="job_card"),
    path("jobs/<int:job>/cancel", jobs.cancel, name="cancel_job"),
    path("jobs/<int:job>/again", jobs.again, name="job_again"),
    path("catalogue/", catalogue.catalogue, name="catalogue"),
    path("catalogue/make", catalogue.make, name="make"),
    path("catalogue/sets/<str:name>/", catalogue.set_page, name="set_page"),
    path("catalogue/sets/<str:name>/remove", catalogue.remove_set, name="remove_set"),
    path("catalogue/sets/<str:name>/images/<str:image>.png", catalogue.image, name="image_of_set"),
    path(
        "catalogue/sets/<str:name>/small/<str:image>.webp",
        catalogue.small_image,
        name="small_image",
    ),
    path("catalogue/methods/<str:name>/", catalogue.method_page, name="method_page"),
    path("catalogue/methods/<str:name>/remove", catalogue.remove_method, name="remove_method"),
    path(
        "catalogue/methods/<str:name>/outputs/<str:of>/<str:image>.png",
        catalogue.output,
        name="output",
    ),
    path(
        "catalogue/methods/<str:name>/small/<str:of>/<str:image>.webp",
        catalogue.small_output,
        name="small_output",
    ),
    path("catalogue/add/<str:what>", bringing.add, name="add"),
    path(
        "catalogue/bring/<str:signature>/piece/<str:key>",
        bringing.large_piece,
        name="large_piece",
    ),
    path("catalogue/bring/<str:signature>/<str:what>", bringing.bring, name="bring"),
    path("catalogue/uploads/", bringing.begin, name="begin_upload"),
    path("catalogue/uploads/<str:key>/", bringing.upload, name="upload"),
    path("catalogue/uploads/<str:key>/forget", bringing.forget, name="forget_upload"),
    path("studies/", studies.studies, name="studies"),
    path("studies/<slug:slug>/", studies.study, name="study"),
    path("new-study/", beginning.new_study, name="new_study"),
    path("studies/<slug:slug>/copy", beginning.copy, name="copy_study"),
    path("studies/<slug:slug>/people/", members.members, name="members"),
    path("studies/<slug:slug>/raters/mail/", mail.write, name="mail"),
    path("studies/<slug:slug>/raters/mail/again", mail.again, name="mail_again"),
    path("studies/<slug:slug>/edit/", drafts.draft, name="draft"),
    path("studies/<slug:slug>/edit/<slug:section>", drafts.edit, name="edit"),
    path("studies/<slug:slug>/calibration/<str:look>", calibration.image, name="calibration_image"),
    path("studies/<slug:slug>/preview/", preview.overview, name="preview"),
    path("studies/<slug:slug>/preview/<str:language>/<int:seed>/<slug:name>/", include(PREVIEWED)),
    path("studies/<slug:slug>/images/", sheet.images, name="study_images"),
    path("studies/<slug:slug>/images/<str:name>.png", sheet.image, name="study_image"),
    path("studies/<slug:slug>/open", opening.open_study, name="open_study"),
    path("studies/<slug:slug>/close", opening.close_study, name="close_study"),
    path("studies/<slug:slug>/put-away", opening.put_away, name="put_away"),
    path("studies/<slug:slug>/bring-back", opening.bring_back, name="bring_back"),
    path("studies/<slug:slug>/delete", opening.delete_study, name="delete_study"),
    path("studies/<slug:slug>/invite", studies.invite, name="invite"),
    path("studies/<slug:slug>/revoke/<int:number>", studies.revoke, name="revoke"),
    path("studies/<slug:slug>/results.<str:extension>", studies.results, name="results"),
    path("studies/<slug:slug>/ratings.csv", studies.ratings, name="ratings"),
    path("studies/<slug:slug>/figures/<str:name>.<str:extension>", studies.figure, name="figure"),
    path("studies/<slug:slug>/archive.zip", studies.archive, name="archive"),
    path("studies/<slug:slug>/ready/<str:name>", studies.ready, name="ready"),
    path("studies/<slug:slug>/look", studies.look, name="look"),
    path("studies/<slug:slug>/measure", jobs.measure, name="measure"),
    path("studies/<slug:slug>/rehearse", jobs.rehearse, name="rehearse"),
    path("people/", people.people, name="people"),
    path("people/<int:number>", people.change_person, name="change_person"),
    path("people/<int:number>/password", people.new_password, name="new_password"),
    path("docs/", docs.index, name="docs"),
    path("docs/<slug:name>/", docs.doc, name="doc"),
    path("docs/pictures/<str:name>", docs.picture, name="doc_picture"),
    # The admin brings doors of its own: there is one of each, so that nobody comes in by another.
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
    path("admin/logout/", SignOut.as_view()),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password")),
    # The admin's detour to the page of a row asks for no permission, and the page of an invitation
    # is a rater's link.
    path(
        "admin/r/<path:content_type_id>/<path:object_id>/",
        RedirectView.as_view(url=reverse_lazy("admin:index")),
    ),
    path("admin/", admin.site.urls),
]
