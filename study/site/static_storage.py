"""Static files under names that hold their checksum, also where one script imports another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from whitenoise.storage import CompressedManifestStaticFilesStorage


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """A browser never mixes the scripts of two versions: imports name the checksums too.

    A file is whole or absent: half of one, left by a full disk or a kill, would be newer than what
    it was copied from, and stay.
    """

    support_js_module_import_aggregation = True

    def _save(self, name: str, content: File[Any]) -> str:
        path = Path(self.path(name))
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                for chunk in content.chunks():
                    file.write(chunk if isinstance(chunk, bytes) else chunk.encode())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(path)) from None
        return name


@require_safe
@cache_control(public=True, max_age=86400)
def favicon(request: HttpRequest) -> HttpResponse:
    """Where the icon is, for pages that do not name it: the admin's, an image by itself."""
    return redirect(static("study/site/icon.svg"))
