"""The addresses of researchers and admins, and the start page."""

from django.contrib import admin
from django.urls import path, reverse_lazy
from django.views.generic import RedirectView

from study.desk import views
from study.site.sign_in import ChangePassword, SignIn, SignOut

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", SignIn.as_view(template_name="study/desk/login.html"), name="login"),
    path("logout/", SignOut.as_view(), name="logout"),
    path(
        "password/",
        ChangePassword.as_view(template_name="study/desk/password.html"),
        name="password",
    ),
    path("studies/", views.studies, name="studies"),
    path("studies/<slug:slug>/", views.study, name="study"),
    path("studies/<slug:slug>/open", views.open_study, name="open_study"),
    path("studies/<slug:slug>/close", views.close_study, name="close_study"),
    path("studies/<slug:slug>/invite", views.invite, name="invite"),
    path("studies/<slug:slug>/revoke/<int:number>", views.revoke, name="revoke"),
    path("studies/<slug:slug>/results.<str:extension>", views.results, name="results"),
    path("studies/<slug:slug>/ratings.csv", views.ratings, name="ratings"),
    path("studies/<slug:slug>/figures/<str:name>.<str:extension>", views.figure, name="figure"),
    path("studies/<slug:slug>/archive.zip", views.archive, name="archive"),
    path("studies/<slug:slug>/ready/<str:name>", views.ready, name="ready"),
    path("studies/<slug:slug>/look", views.look, name="look"),
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
