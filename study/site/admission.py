"""Who may send more than a form's text: whoever was shown a form that takes files a while ago.

The form's address carries a signature. It is looked at as soon as the head of a request is there,
in the server's loop, which asks no database; that the account still has the right to it is looked
at again where the form is taken.
"""

from __future__ import annotations

from datetime import timedelta

from django.core.signing import BadSignature, TimestampSigner

PLACE = "/catalogue/bring/"
"""How addresses begin that take files; the signature is what comes next."""
LASTS = timedelta(hours=3)
"""For which a form can be filled in, files chosen and sending begun."""
SALT = "study.site.admission"


def admission(key: object) -> str:
    """The signature for whoever has the account ``key``, from now on."""
    return TimestampSigner(salt=SALT).sign(str(key))


def admitted(signature: str) -> str:
    """The account that a signature was made for; empty if it is none, or too old."""
    try:
        return TimestampSigner(salt=SALT).unsign(signature, max_age=LASTS)
    except BadSignature:
        return ""


def admitted_at(path: str) -> str:
    """The same for the address that a request is sent to."""
    if not path.startswith(PLACE):
        return ""
    return admitted(path.removeprefix(PLACE).partition("/")[0])
