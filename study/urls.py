"""Every address of the site."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from study.views import researcher

handler404 = "study.site.errors.not_found"

urlpatterns = [
    path("", researcher.home, name="home"),
    path("", include("study.rating.urls")),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("studies/", researcher.studies, name="studies"),
    path("studies/<slug:slug>/", researcher.study, name="study"),
    path("studies/<slug:slug>/open", researcher.open_study, name="open_study"),
    path("studies/<slug:slug>/close", researcher.close_study, name="close_study"),
    path("studies/<slug:slug>/invite", researcher.invite, name="invite"),
    path("studies/<slug:slug>/revoke/<int:number>", researcher.revoke, name="revoke"),
    path("studies/<slug:slug>/results.<str:extension>", researcher.results, name="results"),
    path("studies/<slug:slug>/ratings.csv", researcher.ratings, name="ratings"),
    path(
        "studies/<slug:slug>/figures/<str:name>.<str:extension>", researcher.figure, name="figure"
    ),
    path("studies/<slug:slug>/archive.zip", researcher.archive, name="archive"),
    path("studies/<slug:slug>/look", researcher.look, name="look"),
    path("admin/", admin.site.urls),
]
