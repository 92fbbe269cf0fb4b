"""Accounts and groups in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from study import models
from study.models.deeds import note
from study.site.access import by
from study.site.admin_lists import Few, Listed

admin.site.unregister([User, Group])


@admin.register(Group)
class GroupsAdmin(Listed, GroupAdmin):
    """Django's."""


@admin.register(User)
class AccountAdmin(Listed, UserAdmin):
    """Django's; that somebody's password was set here is told where other deeds are."""

    list_filter = ["is_staff", "is_superuser", "is_active", ("groups", Few)]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        parts = message if isinstance(message, list) else []
        if any("password" in part.get("changed", {}).get("fields", []) for part in parts):
            note(models.Deed.Kind.PASSWORD, by=by(request), of=obj.get_username())
        return super().log_change(request, obj, message)
