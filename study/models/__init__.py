"""What the database holds, in the order in which it comes to be."""

from study.models.catalog import Dataset, Method, SourceImage, Stimulus
from study.models.design import EarlyLook, Invitation, Study, StudyStimulus
from study.models.session import Rater, Rating, Session, Trial

__all__ = [
    "Dataset",
    "EarlyLook",
    "Invitation",
    "Method",
    "Rater",
    "Rating",
    "Session",
    "SourceImage",
    "Stimulus",
    "Study",
    "StudyStimulus",
    "Trial",
]
