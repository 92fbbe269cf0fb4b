"""The documentation as pages of the site: links lead on, and nothing else of the disk is served."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from study.desk import docs


@pytest.fixture
def reader(client, outsider):
    client.force_login(outsider)
    return client


def test_every_document_that_is_offered_opens_and_every_link_in_it_leads_somewhere(reader):
    anchors, links = {}, set()
    for name in docs.TITLES:
        page = reader.get(reverse("doc", args=[name]))
        assert page.status_code == 200
        article = page.content.decode().split('<article class="document">')[1]
        anchors[reverse("doc", args=[name])] = set(re.findall(r'<h\d id="([^"]+)"', article))
        links |= set(re.findall(r'(?:href|src)="(/[^"]*)"', article))
    assert any("#" in link for link in links)
    for link in links:
        address, _, place = link.partition("#")
        assert reader.get(address).status_code == 200, link
        if place:
            assert place in anchors[address], link


@pytest.mark.parametrize("name", ["house", "decisions", "nothing"])
def test_no_other_file_is_a_document(reader, name):
    assert reader.get(f"/docs/{name}/").status_code == 404


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fmanage.py", "README.md", "..%2Foperations.md", "x.png"]
)
def test_no_other_file_is_a_picture(reader, name):
    assert reader.get(f"/docs/pictures/{name}").status_code == 404


def test_a_heading_is_found_by_the_name_that_code_hosts_give_it(reader):
    page = reader.get(reverse("doc", args=["operations"])).content.decode()
    assert 'id="the-protocol-of-a-study"' in page


def test_a_wide_table_or_block_of_code_is_scrolled_by_keys(reader):
    page = reader.get(reverse("doc", args=["own-material"])).content.decode()
    assert '<pre tabindex="0">' in page
    assert "<pre>" not in page
    assert page.count("<table>") == page.count('<div class="scroll" tabindex="0"') > 0
