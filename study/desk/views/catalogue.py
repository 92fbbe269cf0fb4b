"""The catalogue: what there is, what is made of it, and what is missing."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
@login_required
def catalogue(request: HttpRequest) -> HttpResponse:
    """What there is, at one look."""
    return render(request, "study/desk/catalogue.html")
