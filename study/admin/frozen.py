"""Rows that the admin shows and nobody changes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from study.site.admin_lists import Listed


class Frozen(Listed):
    """Shown, never added, changed or deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
