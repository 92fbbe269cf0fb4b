"""The one Django app of the project."""

from django.apps import AppConfig


class StudyConfig(AppConfig):
    """Holds models, pages and commands; the label is also the database tables' prefix."""

    name = "study"
    verbose_name = "Rating studies"
