"""The addresses of researchers and admins, and the start page."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path, reverse_lazy
from django.views.generic import RedirectView

from study.desk import views

urlpatterns = [
    path("", views.home, name="home"),
    path(
        "login/",
        LoginView.as_view(template_name="study/desk/login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
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
    # The admin's detour to the page of a row asks for no permission, and the page of an invitation
    # is a rater's link.
    path(
        "admin/r/<path:content_type_id>/<path:object_id>/",
        RedirectView.as_view(url=reverse_lazy("admin:index")),
    ),
    path("admin/", admin.site.urls),
]
