"""Where figures that were computed from votes lie, so that they can be forgotten with the votes.

What lies there is the business of the desk's room of the same name. This much is known to both
wings: a rater whose answers are deleted must not live on in a table that counted them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings


def folder(study_id: int) -> Path:
    """Where the computed files of a study lie; it need not be there."""
    return Path(settings.VAR_DIR) / "computed" / str(study_id)


def forget(study_id: int) -> None:
    """Remove all that was computed for a study; it is computed again when somebody asks."""
    for kind in ("people", "simulated"):
        shutil.rmtree(folder(study_id) / kind, ignore_errors=True)
