"""The least that a Django application does to store a vote: what ``make bench`` holds ours against.

What ``startproject`` writes, one table and one view, which knows the voter by the session. It asks
neither whether the trial is theirs, nor whether it is due, and tells nothing of the next one. The
database settings are the product's.
"""

# ruff: noqa: E402  (models can be imported once the settings are there)

from __future__ import annotations

import json
import os

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

from study import settings as product

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {**product.DATABASES["default"], "NAME": os.environ["DATABASE"]}},
    DEFAULT_AUTO_FIELD=product.DEFAULT_AUTO_FIELD,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="-",
    USE_TZ=True,
)
django.setup()

from django.db import connection, models, transaction
from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import get_token
from django.urls import path


class Vote(models.Model):
    """A voter's score for a trial."""

    voter = models.PositiveIntegerField()
    trial = models.CharField(max_length=32, unique=True)
    score = models.PositiveSmallIntegerField()
    client_id = models.UUIDField(unique=True)
    received_at = models.DateTimeField(auto_now_add=True)

    objects: models.Manager[Vote] = models.Manager()

    class Meta:
        app_label = "minimal"

    def __str__(self) -> str:
        return f"{self.trial}: {self.score}"


def enter(request: HttpRequest, voter: int) -> JsonResponse:
    """Begin to be ``voter``."""
    request.session["voter"] = voter
    return JsonResponse({"csrf": get_token(request)})


def vote(request: HttpRequest) -> JsonResponse:
    """Store the vote in the body."""
    told = json.loads(request.body)
    with transaction.atomic():
        Vote.objects.create(
            voter=request.session["voter"],
            trial=told["trial"],
            score=told["score"],
            client_id=told["id"],
        )
    return JsonResponse({"stored": told["id"]})


urlpatterns = [path("enter/<int:voter>", enter), path("rate/vote", vote)]

if Vote._meta.db_table not in connection.introspection.table_names():
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Vote)
connection.close()
application = get_wsgi_application()
