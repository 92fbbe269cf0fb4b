"""Django's admin for every model. What is frozen is shown and cannot be changed.

What raters did (sessions, trials, ratings) and what they saw (stimuli) is never edited here.
A study's state is changed on its own page, where the reason of a refusal can be told.
"""

from django.contrib import admin
from django_tasks_db.models import DBTaskResult

from study.admin import accounts as accounts
from study.admin import catalogue as catalogue
from study.admin import raters as raters
from study.admin import studies as studies

# A bell that was rung says nothing: what there is to do is in our own rows.
admin.site.unregister(DBTaskResult)
