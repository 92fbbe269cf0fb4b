"""What raters are written: the standard texts, a text of one's own, and a link filled into it.

A text is stored with places for what differs from rater to rater: a link opens a door, and stands
in no text but the one that its rater gets. The study's own title is for researchers and in none.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from study.desk.links import link
from study.models import Invitation, Letter, Study

Kind = Letter.Kind

LINK, NAME = "{link}", "{name}"
PLACES = {
    LINK: "the rater’s own link",
    NAME: "the name or note beside the link",
}
"""What can be filled in, by how it is written."""
LONGEST_SUBJECT = 150
LONGEST_BODY = 5000
LONGEST_MAILTO = 1900
"""Characters of a ``mailto:`` address: some mail programs on Windows take no more than 2,000."""


class Text(NamedTuple):
    """A letter's words, with its places."""

    subject: str
    body: str


SUBJECTS: dict[str, dict[Kind, str]] = {
    "en": {
        Kind.INVITE: "Invitation to a study of image quality",
        Kind.REMIND: "Reminder: a study of image quality",
    },
    "de": {
        Kind.INVITE: "Einladung zu einer Studie über Bildqualität",
        Kind.REMIND: "Erinnerung: eine Studie über Bildqualität",
    },
}
BODIES: dict[str, dict[Kind, str]] = {
    "en": {
        Kind.INVITE: """\
Hello,

you are invited to take part in a study of image quality. You will see one image at a time and say \
how good it looks to you. No special knowledge is needed, and taking part is voluntary.

{effort}

This is your personal link; please do not pass it on:
{link}""",
        Kind.REMIND: """\
Hello,

you were invited to a study of image quality, and you have not finished it yet. If you would still \
like to take part, this is your personal link:
{link}

{effort}

Taking part is voluntary. If you would rather not, no answer is needed.""",
    },
    "de": {
        Kind.INVITE: """\
Guten Tag,

Sie sind eingeladen, an einer Studie über Bildqualität teilzunehmen. Sie sehen immer ein Bild und \
sagen, wie gut es für Sie aussieht. Vorkenntnisse braucht es nicht, und die Teilnahme ist \
freiwillig.

{effort}

Das ist Ihr persönlicher Link; bitte geben Sie ihn nicht weiter:
{link}""",
        Kind.REMIND: """\
Guten Tag,

Sie wurden zu einer Studie über Bildqualität eingeladen und sind damit noch nicht fertig. Wenn Sie \
weiterhin teilnehmen möchten, ist das Ihr persönlicher Link:
{link}

{effort}

Die Teilnahme ist freiwillig. Wenn Sie nicht möchten, brauchen Sie nicht zu antworten.""",
    },
}
BRIEF: dict[str, str] = {
    "en": "Hello,\n\nthis is your personal link to a study of image quality:\n{link}",
    "de": "Guten Tag,\n\ndas ist Ihr persönlicher Link zu einer Studie über Bildqualität:\n{link}",
}
"""For a mail program that takes no more."""


def languages() -> list[str]:
    """The languages that there are texts in."""
    return list(SUBJECTS)


def language_of(study: Study) -> str:
    """That of the study's pages; English where the rater's browser says it, which a letter cannot
    ask."""
    return study.language or "en"


def standard(study: Study, kind: Kind, language: str = "") -> Text:
    """The standard text of a study, with the places that are filled in for each rater.

    How long it takes, who asks and where questions go is in it as the study says it.
    """
    language = language or language_of(study)
    body = BODIES[language][kind].replace("{effort}", _effort(study, language))
    return Text(SUBJECTS[language][kind], "\n\n".join([body, *_about(study, language)]))


def wordings(study: Study, kind: Kind) -> list[Text]:
    """The standard text and shorter ones, the longest first, for :func:`mailto`."""
    language = language_of(study)
    subject, brief = SUBJECTS[language][kind], BRIEF[language]
    shorter = ["\n\n".join([brief, *_about(study, language)]), brief]
    return [standard(study, kind), *(Text(subject, body) for body in shorter)]


def mailto(invitation: Invitation, texts: list[Text]) -> str:
    """An address that opens a letter to this rater in one's own mail program.

    ``texts`` are those of :func:`wordings`: the first that such an address can hold is taken. A
    link without a mail address gives a letter to nobody yet.
    """
    for text in texts:
        subject, body = filled(text, invitation)
        said = f"subject={_quoted(subject)}&body={_quoted(body)}"
        address = f"mailto:{quote(invitation.mail, safe='@')}?{said}"
        if len(address) <= LONGEST_MAILTO:
            break
    return address


def filled(text: Text, invitation: Invitation) -> Text:
    """A text as one rater gets it."""
    values = {LINK: link(invitation), NAME: " ".join(invitation.name.split())}

    def value(place: re.Match[str]) -> str:
        return values.get(place[0], place[0])

    # In one go, so that a name that looks like a place is none.
    subject, body = (re.sub(r"\{\w+\}", value, part) for part in text)
    return Text(" ".join(subject.split()), body)


def unlike(text: Text) -> dict[str, str]:
    """What is wrong with a text, a sentence each for its ``subject`` and its ``body``."""
    found = {}
    if not text.subject.strip():
        found["subject"] = "A letter needs a subject."
    elif len(text.subject.splitlines()) > 1:
        found["subject"] = "A subject is one line."
    elif len(text.subject) > LONGEST_SUBJECT:
        found["subject"] = f"A subject has at most {LONGEST_SUBJECT} characters."
    elif LINK in text.subject:
        found["subject"] = "The link stands in the text, not in the subject."
    elif odd := _unknown(text.subject):
        found["subject"] = odd
    if len(text.body) > LONGEST_BODY:
        found["body"] = f"{len(text.body)} characters; a letter has at most {LONGEST_BODY}."
    elif odd := _unknown(text.body):
        found["body"] = odd
    elif LINK not in text.body:
        found["body"] = f"{LINK} is missing: it is where the rater’s own link is put."
    return found


def _unknown(said: str) -> str:
    odd = next((place for place in re.findall(r"\{[^{}\n]*\}", said) if place not in PLACES), "")
    there = " and ".join(PLACES)
    return f"{odd} cannot be filled in; there are {there}." if odd else ""


def _quoted(said: str) -> str:
    """As an address holds it, with the ends of lines that RFC 6068 asks for."""
    return quote("\r\n".join(said.splitlines()), safe="")


def _effort(study: Study, language: str) -> str:
    told = study.effort_each()
    total, minutes, sessions = told["total"], told["minutes"], told["sessions"]
    before = told["calibration"]
    if language == "de":
        parts = [
            f"Es {'ist ein Bild' if total == 1 else f'sind {total} Bilder'}"
            f"{f', davor {before}, die zeigen, was die Antworten bedeuten' if before else ''}; "
            f"alles zusammen dauert etwa {minutes} {'Minute' if minutes == 1 else 'Minuten'}"
        ]
        if sessions > 1:
            parts.append(f", verteilt auf {sessions} Sitzungen, auch an verschiedenen Tagen")
        parts.append(
            ". Sie können jederzeit unterbrechen oder aufhören: Derselbe Link bringt Sie dorthin "
            "zurück, wo Sie waren."
        )
    else:
        parts = [
            f"There {'is one image' if total == 1 else f'are {total} images'}"
            f"{f', and {before} before that show what the answers mean' if before else ''}; all "
            f"together takes about {minutes} {'minute' if minutes == 1 else 'minutes'}"
        ]
        if sessions > 1:
            parts.append(f", divided into {sessions} sessions, which can lie on different days")
        parts.append(
            ". You can pause or stop whenever you like: the same link brings you back to where "
            "you were."
        )
    return "".join(parts)


def _about(study: Study, language: str) -> list[str]:
    """Who asks, as far as the study says it: one paragraph or none."""
    german = language == "de"
    questions = "Fragen" if german else "Questions"
    lines = [study.researcher, study.institution, study.contact and f"{questions}: {study.contact}"]
    said = [" ".join(line.split()) for line in lines if line.strip()]
    # A text is filled in later, and what a study says of itself has no places.
    return ["\n".join(said).translate({ord("{"): "(", ord("}"): ")"})] if said else []
