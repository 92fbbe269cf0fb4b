"""Every address of the site."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from study.views import rater, researcher

handler404 = "study.site.errors.not_found"

urlpatterns = [
    path("", researcher.home, name="home"),
    # raters
    path("r/<str:token>/", rater.enter, name="enter"),
    path("rate/", rater.rate, name="rate"),
    path("rate/start", rater.start, name="start"),
    path("rate/screening", rater.screen, name="screening"),
    path("rate/begin", rater.begin, name="begin"),
    path("rate/leave", rater.leave, name="leave"),
    path("rate/plate/<int:number>", rater.plate, name="plate"),
    path("rate/next", rater.upcoming, name="upcoming"),
    path("rate/vote", rater.vote, name="vote"),
    path("rate/image/<str:token>", rater.image, name="image"),
    # researchers
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
