"""Static files under names that hold their checksum, also where one script imports another."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from whitenoise.storage import CompressedManifestStaticFilesStorage


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """A browser never mixes the scripts of two versions: imports name the checksums too."""

    support_js_module_import_aggregation = True


@require_safe
@cache_control(public=True, max_age=86400)
def favicon(request: HttpRequest) -> HttpResponse:
    """Where the icon is, for pages that do not name it: the admin's, an image by itself."""
    return redirect(static("study/site/icon.svg"))
