"""Pages for a browser that runs no scripts: they say nothing that only scripts would make true."""

from __future__ import annotations

from pathlib import Path

import pytest

from study.desk import links

TEMPLATES = Path(__file__).resolve().parents[2] / "study" / "templates" / "study" / "desk"
BESIDE = {"matrix.html"}
"""Whose page shows the jobs that it waits for, each with the way to see more of them."""


def test_whatever_renews_itself_says_how_it_is_seen_without_scripts():
    renewing = {
        path.name: path.read_text()
        for path in TEMPLATES.rglob("*.html")
        if any(mark in path.read_text() for mark in ('hx-trigger="every', "data-ready="))
    }
    assert {"job.html", "jobs.html", "waiting.html", "study.html"} <= renewing.keys()
    silent = {name for name, text in renewing.items() if text.count("<noscript>") == 0}
    assert silent == BESIDE


@pytest.mark.parametrize("page", ["", "disagreements", "image"])
def test_nobody_is_sent_to_a_button_that_is_not_there(client, owner, open_study, page):
    client.force_login(owner)
    links.invite(open_study, 1)
    answer = client.get(f"/studies/small/by-image/{page}", follow=True).content.decode()
    assert "Nobody has rated yet" in answer
    assert "show the results on this page first" not in answer


def test_what_somebody_opens_on_the_page_of_a_job_is_not_renewed_under_their_hands():
    page = (TEMPLATES / "job_page.html").read_text()
    renewed = page[page.index('<div id="whole"') : page.rindex("\n</div>")]
    assert "<details" in page
    assert "<details" not in renewed
