"""Text that no database can store is refused before anything looks at it.

A zero character, or half of a pair of surrogates, comes from no keyboard; PostgreSQL refuses the
one, encoding refuses the other, each in the middle of whatever was being done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext_noop

from study.site import admission
from study.site.errors import unusable

FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
"""What Django reads fields from."""
ILLEGIBLE = re.compile("[\x00\ud800-\udfff]")


def refuse_illegible(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: 400 for an address, a question or a form that holds what cannot be stored.

    JSON is looked at where it is read; here it is bytes.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            check(request)
        except (BadRequest, MultiPartParserError) as error:
            return unusable(request, error)
        return get_response(request)

    return middleware


def check(request: HttpRequest) -> None:
    """Raises ``BadRequest`` for what cannot be stored."""
    # Other encodings can spell what UTF-8 cannot, and some are no encodings of text at all.
    charset = (request.content_params or {}).get("charset", "utf-8")
    if charset.lower() not in {"utf-8", "utf8"}:
        raise BadRequest(gettext_noop("The text that was sent is not in UTF-8."))
    if any(ILLEGIBLE.search(text) for text in _texts(request)):
        raise BadRequest(
            gettext_noop("The text that was sent holds characters that cannot be stored.")
        )


def _texts(request: HttpRequest) -> Iterator[str]:
    yield request.path
    if request.META.get("QUERY_STRING"):
        yield from _fields(request.GET)
    if request.content_type not in FORMS or _later(request):
        return
    yield from _fields(request.POST)
    for name, files in request.FILES.lists():
        yield name
        yield from (file.name or "" for file in files)


def _later(request: HttpRequest) -> bool:
    """Whether files come, which are read, and looked at, where they are taken."""
    return request.path.startswith(admission.PLACE) and not hasattr(request, "_post")


def _fields(fields: QueryDict) -> Iterator[str]:
    for name, values in fields.lists():
        yield name
        yield from values
