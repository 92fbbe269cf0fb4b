"""What the database holds, in the order in which it comes to be.

Rows with their constraints, reads of several rows, the SQL of a vote and the turns of those who
store one live here. No page and no verb of a wing may, and nothing that knows how images are made.
"""

from study.models.catalog import (
    Dataset,
    Measure,
    Method,
    SetMeasure,
    SourceImage,
    Stimulus,
    StimulusMeasure,
)
from study.models.deeds import Deed
from study.models.design import Anchor, Invitation, Study, StudyStimulus
from study.models.jobs import Job
from study.models.letters import Letter
from study.models.members import MAY, Member, Right, Role
from study.models.session import Rater, Rating, Revision, Screening, Session, Text, Trial

__all__ = [
    "MAY",
    "Anchor",
    "Dataset",
    "Deed",
    "Invitation",
    "Job",
    "Letter",
    "Measure",
    "Member",
    "Method",
    "Rater",
    "Rating",
    "Revision",
    "Right",
    "Role",
    "Screening",
    "Session",
    "SetMeasure",
    "SourceImage",
    "Stimulus",
    "StimulusMeasure",
    "Study",
    "StudyStimulus",
    "Text",
    "Trial",
]
