"""The whole way through the desk by clicking, from the first sign-in to an open study.

Steps for a browser, one for each thing that a person does; ``take`` is told of every page worth
a picture. A test walks it, and docs/first-study.md shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

Scores = Sequence[Sequence[int]]
SET, OURS, THEIRS = "harbour", "ours", "theirs"
IMAGES = ("boats", "crane", "gulls", "ropes", "shed", "wall")
TITLE, SLUG = "Which harbour looks better?", "harbour"
ADMIN, RESEARCHER = "head", "anna"
PASSWORD = "harbour lights at night"
PEOPLE = ("Jana Lang, jana@harbour.example", "Otto <otto@harbour.example>", "the harbour master")
WHO = {
    "researcher": "Anna Berg",
    "institution": "Harbour Institute",
    "contact": "anna@harbour.example",
    "ethics": "Board of the institute, 2026-17",
    "storage": "ten years after publication",
}


@dataclass
class Way:
    """Somebody in front of a browser."""

    page: Page
    site: str
    take: Callable[[str], None] = lambda name: None

    def go(self, address: str) -> None:
        """Open an address of the site."""
        self.page.goto(f"{self.site}{address}")

    def press(self, name: str) -> None:
        """The button of that name."""
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def follow(self, name: str) -> None:
        """The link of that name."""
        self.page.get_by_role("link", name=name, exact=True).first.click()
        self.page.wait_for_load_state("load")

    def sign_in(self, name: str, password: str) -> None:
        """At the door."""
        self.go("/login/")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.locator("main form button").click()
        self.page.get_by_role("heading", name="Studies", exact=True).wait_for()

    def sign_out(self) -> None:
        """By the button at the top."""
        self.page.get_by_role("button", name="Sign out").click()

    def bring_all(self, photographs: list[Path], ours: Path, theirs: Path) -> None:
        """The photographs, and what two methods made of them."""
        self.bring("set", photographs, name=SET, title="Harbour", license="CC BY 4.0")
        self.bring("outputs", ours, name=OURS, title="Ours")
        self.bring("outputs", theirs, name=THEIRS, title="Theirs")

    def make_study(self) -> None:
        """A draft, chosen, configured, looked at and opened."""
        self.new_study()
        self.choose_images()
        self.configure()
        self.preview()
        self.open()

    def bring(self, what: str, files: list[Path] | Path, **fields: str) -> None:
        """A set, or outputs of a method, by its form; waits until the job is over."""
        self.follow("Catalogue")
        self.follow(
            {"set": "Bring in a set of images", "outputs": "Bring in outputs of a method"}[what]
        )
        chosen = self.page.locator("[data-place] input[type=file]")
        (chosen.last if isinstance(files, Path) else chosen.first).set_input_files(files)
        for name, value in fields.items():
            self.page.locator(f"[name={name}]").fill(value)
        self.page.locator("[data-progress]").first.wait_for()
        self.take(f"bring-{what}-{fields['name']}")
        self.page.locator(".bring .save button").click()
        self.done()
        self.take(f"brought-{fields['name']}")

    def done(self) -> None:
        """Wait on the page of a job for its end, and let nothing but success pass."""
        state = self.page.locator(".job .state")
        self.page.locator(".job .state:not(.job-waiting, .job-running)").wait_for(timeout=120_000)
        assert state.inner_text() == "Done", self.page.locator("#whole").inner_text()

    def make(self, method: str) -> None:
        """Have what is missing made by a click in the matrix; waits until it is there."""
        self.follow("Catalogue")
        self.take("catalogue-before")
        self.page.locator(f"#make-{SET}-{method}").click()
        self.page.locator(f"#due-{SET}-{method}").click()
        self.page.locator(".job progress").or_(self.page.locator(".job-done")).first.wait_for()
        self.take("making")
        self.done()
        self.follow("Catalogue")
        self.take("catalogue-after")

    def make_researcher(self) -> str:
        """An account on the page of people; its password, read as it is shown once."""
        self.follow("People")
        self.page.get_by_label("Name", exact=True).fill(RESEARCHER)
        self.take("people")
        self.press("Make the account")
        self.take("password-once")
        return self.page.locator("code").inner_text()

    def new_study(self) -> None:
        """A draft from scratch."""
        self.follow("Studies")
        self.take("no-studies")
        self.follow("New study")
        self.page.get_by_label("Title").fill(TITLE)
        self.page.locator("[name=slug]").fill(SLUG)
        self.page.locator("#start_nothing").check()
        self.take("new-study")
        self.press("Make the draft")

    def choose_images(self) -> None:
        """What is shown: four methods and the original of the set, as one clicks."""
        for method in ("bicubic", "srgan", OURS, THEIRS, "hr"):
            self.page.locator(f"[name=cell][value='{SET} {method}']").check()
        self.page.locator(".sums dd").first.get_by_text(str(5 * len(IMAGES)), exact=True).wait_for()
        self.save()
        self.take("shown")  # the columns that were chosen stand first by now

    def save(self) -> None:
        """The form of a part."""
        self.press("Save")
        self.page.locator(".messages .success").wait_for()

    def configure(self) -> None:
        """The other parts of the draft."""
        self.follow("Who may take part")
        self.page.get_by_label("The window must hold the images").check()
        self.take("screening-part")
        self.save()
        self.follow("Calibration")
        self.take("calibration-part")
        self.follow("Sessions and order")
        self.page.locator("[name=retests]").fill("2")
        self.take("sessions-part")
        self.save()
        self.follow("Texts")
        for name, value in WHO.items():
            self.page.locator(f"[name={name}]").fill(value)
        self.page.get_by_text("anna@harbour.example").last.wait_for()
        self.take("texts-part")
        self.save()
        self.follow("Analysis")
        self.page.locator("[name=planned_raters]").fill("12")
        self.take("analysis-part")
        self.save()

    def preview(self) -> None:
        """As a rater sees it, up to the rating page, and the images side by side."""
        self.go(f"/studies/{SLUG}/")
        self.take("draft")
        self.follow("Preview")
        self.take("preview")
        self.follow("Rating")
        self.page.locator("#rating[data-open='1']").wait_for(state="attached")
        self.take("preview-rating")
        self.page.keyboard.press("4")
        self.page.locator("#rating[data-open='2']").wait_for(state="attached")
        self.go(f"/studies/{SLUG}/images/")
        self.take("images")

    def open(self) -> None:
        """The checklist, then the button that names the study."""
        self.go(f"/studies/{SLUG}/")
        self.follow("Open …")
        self.take("checklist")
        self.page.locator("[name=sure]").check()
        self.press(f"Open ‘{TITLE}’")
        self.page.locator(".state.open").first.wait_for()
        self.take("opened")

    def invite(self, people: Sequence[str]) -> list[str]:
        """A link for each of a list of people, as one pastes it; the links in their order."""
        self.follow("Raters")
        self.take("no-links")
        self.page.get_by_text("Links for a list of people").click()
        self.page.get_by_label("People, one a line").fill("\n".join(people))
        self.take("invite")
        self.press("Make a link for each")
        self.page.locator(".messages .success").wait_for()
        self.take("links")
        return self.page.locator("#all-links").input_value().split()

    def look(self) -> None:
        """At the results of an open study, by the button that keeps it."""
        self.follow("Overview")
        self.take("hidden")
        self.press("Show the results, and note that I looked")
        self.page.get_by_role("heading", name="Mean opinion scores").wait_for()
        self.take("few")

    def close(self) -> None:
        """The study, by the page that says who is half way."""
        self.follow("Close …")
        self.take("close")
        self.page.locator("[name=sure]").check()
        self.press(f"Close ‘{TITLE}’")
        self.page.locator(".state.closed").first.wait_for()

    def read(self) -> None:
        """What was found, by every page that tells of it."""
        self.page.get_by_role("heading", name="Mean opinion scores").wait_for()
        self.take("closed")
        for name in ("Image by image", "Compare", "Log"):
            self.follow(name)
            self.take(name.lower().replace(" ", "-"))

    def export(self, folder: Path) -> Path:
        """All that can be published, as it comes down."""
        self.follow("Overview")
        with self.page.expect_download() as coming:
            self.follow("Everything to publish, zip")
        coming.value.save_as(folder / "archive.zip")
        return folder / "archive.zip"


def rate_together(pages: Sequence[Page], links: Sequence[str], scores: Scores) -> None:
    """Rate as several people at a time, each in a browser of their own, by the keyboard alone.

    ``scores`` of a rater, counted from 0, are what they press for each image in the order in which
    they see them. Ends before the page of thanks.
    """
    for page, link in zip(pages, links, strict=True):
        page.goto(link)
        while not page.locator("#rating").count():
            page.locator("main form button").first.press("Enter")
            page.wait_for_load_state("load")
    for number, pressed in enumerate(zip(*scores, strict=True), start=1):
        for page, score in zip(pages, pressed, strict=True):
            page.locator(f"#rating[data-open='{number}']").wait_for(state="attached")
            page.keyboard.press(str(score))
