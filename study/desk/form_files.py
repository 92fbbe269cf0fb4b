"""Files that come with a plain form, without a script: into uploads, while the form is read.

Django's own way would keep them a second time, and would forget the folders they lay in.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParser
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from study.desk import uploads
from study.site import legible
from study.site.admission import admitted_at

if TYPE_CHECKING:
    from django.contrib.auth.models import User

P = ParamSpec("P")


class Arrivals(FileUploadHandler):
    """Puts files into uploads: one upload for each field of the form that has any."""

    chunk_size = 256 * 1024

    def __init__(self, owner: User) -> None:
        super().__init__()
        self.owner = owner
        self.uploads: dict[str, str] = {}
        """By field."""
        self.problems: dict[str, list[str]] = {}
        """By field: why files were not taken."""
        self.part: IO[bytes] | None = None

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        """A file begins."""
        super().new_file(field_name, file_name, *args, **kwargs)
        if not uploads.is_kept(file_name):
            raise SkipFile
        with self._telling():
            uploads.clean(file_name)
            if field_name not in self.uploads:
                self.uploads[field_name] = uploads.begin(self.owner)
            self.part = uploads.aside(self.uploads[field_name]).open("wb")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Some bytes of it came."""
        assert self.part
        with self._telling():
            self.part.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        """It is whole."""
        if self.part is None:
            return
        try:
            with self._telling():
                self.part.close()
                uploads.take_whole(
                    self.uploads[self.field_name],
                    owner=self.owner,
                    name=self.file_name or "",
                    path=Path(self.part.name),
                )
        except SkipFile:
            pass
        self.part = None

    def forget(self) -> None:
        """Remove all that has come."""
        for upload in self.uploads.values():
            uploads.forget(upload)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Keep why a file is not taken, for the page, and go on with the next one."""
        try:
            yield
        except (uploads.NotTaken, OSError) as error:
            why = uploads.full(error) if isinstance(error, OSError) else error
            if not isinstance(why, uploads.NotTaken):
                raise
            self.problems.setdefault(self.field_name, []).append(str(why))
            raise SkipFile from error


class WithFolders(MultiPartParser):
    """Django's reader of forms with files, but for the folders that a file lay in."""

    def sanitize_file_name(self, file_name: str) -> str:
        """The name as it came: whoever takes the file looks at it."""
        return html.unescape(file_name)


def takes_files(
    view: Callable[Concatenate[HttpRequest, Arrivals, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A view at a signed address whose form may bring files; they are what it is called with.

    403 before anything is read for whoever the address was not made for, or who may not add to the
    catalogue; then as for every form 403 without its token.
    """

    @csrf_exempt  # the token is in the form, which may be read by nobody else before
    @wraps(view)
    def inner(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user = request.user
        if not user.is_authenticated or admitted_at(request.path) != str(user.pk):
            return csrf_protect(_refused)(request)
        if not user.has_perm("study.add_to_catalogue"):
            raise PermissionDenied
        arrivals = Arrivals(user)
        try:
            _read(request, arrivals)
            answer: HttpResponse = csrf_protect(_named(view, arrivals))(request, *args, **kwargs)
        except BaseException:
            arrivals.forget()
            raise
        if answer.status_code == 403:
            arrivals.forget()
        return answer

    return inner


def _named(
    view: Callable[Concatenate[HttpRequest, Arrivals, P], HttpResponse], arrivals: Arrivals
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    def called(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return view(request, arrivals, *args, **kwargs)

    return called


def _refused(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def _read(request: HttpRequest, arrivals: Arrivals) -> None:
    """Read a form, its files into ``arrivals``. Raises what Django answers with 400."""
    if request.content_type == "multipart/form-data":
        parser = WithFolders(request.META, request, [arrivals], "utf-8")
        request._post, request._files = parser.parse()  # type: ignore[attr-defined]
    _ = request.POST
    legible.check(request)
