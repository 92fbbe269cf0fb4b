"""The server can end at any moment: every vote that it acknowledged is stored, once."""

from __future__ import annotations

import threading

import pytest

from study.desk import links
from study.models import Rater, Rating, Trial
from study.rating import sessions
from tests.serving import Server, Voter, headers_of, our_site, served, with_many_trials

CONNECTIONS = 16
VOTES = 800
"""In all, a quarter of them before each end."""


@pytest.mark.parametrize("end", [Server.kill, Server.stop], ids=["killed", "told to stop"])
def test_votes_of_sixteen_raters_survive_three_ends(transactional_db, open_study, end):
    invitations = links.invite(open_study, CONNECTIONS)
    raters = [sessions.enrol(invitation) for invitation in invitations]
    for rater in raters:
        with_many_trials(rater, 300)
    stop = threading.Event()
    with served("study.wsgi", our_site()) as server:
        voters = [
            Voter(
                port=server.port,
                headers=headers_of(invitation),
                tokens=list(
                    Trial.objects.filter(rater=rater).order_by("position").values_list(
                        "token", flat=True
                    )
                ),
                stop=stop,
                number=rater.number,
            )
            for invitation, rater in zip(invitations, raters, strict=True)
        ]  # fmt: skip
        for voter in voters:
            voter.start()
        for quarter in (1, 2, 3, 4):
            while sum(len(voter.acknowledged) for voter in voters) < quarter * VOTES // 4:
                assert any(voter.is_alive() for voter in voters)
                voters[0].join(0.005)
            if quarter < 4:
                end(server)
                server.start()
        stop.set()
        for voter in voters:
            voter.join()

    assert [error for voter in voters for error in voter.errors] == []
    assert sum(voter.unanswered for voter in voters) >= 3, "the ends were felt"
    stored = {
        row.trial.token: (row.score, str(row.client_id))
        for row in Rating.objects.select_related("trial")
    }
    for voter in voters:
        for token, score, client_id in voter.acknowledged:
            assert stored[token] == (score, client_id)
    for rater in Rater.objects.all():
        rated = Rating.objects.filter(trial__rater=rater).order_by("pk")
        positions = list(rated.values_list("trial__position", flat=True))
        assert positions == list(range(rater.position)), "in order, none twice, none left out"
