"""The addresses of raters: the personal link, and what a session needs."""

from django.urls import path

from study.rating import views

urlpatterns = [
    path("r/<str:token>/", views.enter, name="enter"),
    path("rate/", views.rate, name="rate"),
    path("rate/start", views.start, name="start"),
    path("rate/screening", views.screen, name="screening"),
    path("rate/begin", views.begin, name="begin"),
    path("rate/leave", views.leave, name="leave"),
    path("rate/plate/<int:number>", views.plate, name="plate"),
    path("rate/next", views.upcoming, name="upcoming"),
    path("rate/vote", views.vote, name="vote"),
    path("rate/image/<str:token>", views.image, name="image"),
]
