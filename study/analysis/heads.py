"""What the columns of other people's tables are called, and what is guessed from it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

NAMES: dict[str, tuple[str, ...]] = {
    "rater": (
        *("rater", "observer", "subject", "participant", "user", "worker", "assessor", "annotator"),
        *("viewer", "judge", "evaluator", "respondent", "person", "tester", "listener", "voter"),
        *("username", "user_name", "session"),
    ),
    "score": (
        *("score", "rating", "vote", "opinion_score", "opinion", "os", "acr", "grade", "answer"),
        *("response", "value", "quality", "rate", "raw_score", "quality_score", "user_rating"),
    ),
    "method": (
        *("method", "algorithm", "condition", "hrc", "codec", "system", "model", "version"),
        *("treatment", "technique", "generator", "approach", "encoder", "network", "distortion"),
    ),
    "content": (
        *("content", "source", "src", "source_image", "scene", "sequence", "ref", "original"),
        *("reference_image", "source_name", "prompt", "image", "img", "picture", "video", "clip"),
    ),
    "stimulus": (
        *("stimulus", "stimuli", "pvs", "stim", "file", "filename", "file_name", "path", "item"),
        *("image_file", "image_name", "video_name", "img_name", "test_image", "trial_image"),
        *("image", "img", "picture", "video", "clip", "question", "sample"),
    ),
    "set": ("set", "dataset", "database", "db", "data_set", "image_set", "corpus"),
    "repetition": ("repetition", "rep", "replicate", "repetition_number", "round"),
    "retest": ("repeat", "retest", "is_repeat", "is_retest", "hidden_repeat"),
    "response_ms": ("response_ms", "response_time_ms", "rt_ms"),
    "is_reference": ("is_reference", "is_ref", "hidden_reference", "reference", "isreference"),
    "enlarged_by": ("enlarged_by",),
}
"""Column names in use, likeliest first; upper case, blanks and an ``id`` at the end are ignored."""
MEASURES = (
    *("psnr", "ssim", "ssim_daala", "ms_ssim", "msssim", "lpips", "vmaf", "vif", "fsim", "dists"),
    *("niqe", "brisque", "psnr_y", "ssim_y", "psnr_hvs", "pieapp", "musiq"),
    *("maniqa", "clipiqa", "topiq", "hyperiqa", "ilniqe", "nrqm", "nima", "qalign", "psnr_rgb"),
)
"""Columns that are taken for measures where none are named."""
_TRUTHS = {
    **dict.fromkeys(("true", "1", "1.0", "yes", "y", "t", "wahr", "ja"), "simulated"),
    **dict.fromkeys(("false", "0", "0.0", "no", "n", "f", "falsch", "nein"), "people"),
}
_NAMED = {"people": "people", "simulated": "simulated"}
KINDS = {
    "simulated": _TRUTHS, "is_simulated": _TRUTHS, "raters_kind": _NAMED, "rater_kind": _NAMED
}  # fmt: skip
"""Columns that say whether a program gave a rating, and what their values mean."""
UNCOUNTED = ("practice", "training", "stabilising", "stabilizing", "is_practice", "is_training")
"""Flags of votes that are given but never analysed."""


def guess(columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Which column is the rater, the stimulus, the score and so on.

    Raises ``ValueError`` naming what is missing and what there is.

    >>> guess(["Subject ID", "image", "method", "Rating"], {})
    {'rater': 'Subject ID', 'content': 'image', 'method': 'method', 'score': 'Rating'}
    """
    names = [str(name) for name in columns]
    plain = {plain_name(name): name for name in reversed(names)}
    found: dict[str, str] = {}
    taken = set()
    for role, name in given.items():
        if name not in names:
            raise ValueError(absent(name, role, names))
        found[role] = name
        taken.add(name)
    for role in (
        "rater",
        "score",
        "set",
        "method",
        "repetition",
        "retest",
        "response_ms",
        "is_reference",
        "enlarged_by",
    ):
        _take(role, NAMES[role], plain, found, taken)
    # Without a method an `image` is what was rated; beside a method it is the scene.
    strict = NAMES["stimulus"][: NAMES["stimulus"].index("image")]
    _take("stimulus", strict, plain, found, taken)
    if "method" in found or "stimulus" in found:
        _take("content", NAMES["content"], plain, found, taken)
    else:
        _take("stimulus", NAMES["stimulus"], plain, found, taken)
        _take("content", NAMES["content"], plain, found, taken)
        if "stimulus" not in found and "content" in found:
            found["stimulus"] = found.pop("content")
    order = ("rater", "stimulus", "set", "content", "method", "score", *NAMES)
    found = {role: found[role] for role in dict.fromkeys(order) if role in found}
    for role in ("rater", "score"):
        if role not in found:
            raise ValueError(
                f"no column looks like the {role}; there are: {', '.join(names)}. "
                f"Say which one by --{role} COLUMN (a table of stimuli by raters: --matrix)"
            )
    if not {"stimulus", "content", "method"} & set(found):
        raise ValueError(
            f"no column says what was rated; there are: {', '.join(names)}. "
            "Say which one by --stimulus COLUMN, or --content and --method"
        )
    return found


def guess_measures(columns: Sequence[str]) -> list[str]:
    """Which of the columns are taken for measures where none are named, and in which order."""
    known = {plain_name(name): name for name in columns}
    return [known[name] for name in MEASURES if name in known]


def meaning(name: str) -> str | None:
    """What a column of that name is guessed to be other than a measure, or None.

    >>> meaning("Quality"), meaning("musiq")
    ('score', None)
    """
    plain = plain_name(name)
    if plain in KINDS or plain in UNCOUNTED:
        return "kind of rater" if plain in KINDS else "vote that does not count"
    return next((role for role, names in NAMES.items() if plain in names), None)


def _take(
    role: str, names: Sequence[str], plain: dict[str, str], found: dict[str, str], taken: set[str]
) -> None:
    if role in found:
        return
    for name in names:
        if name in plain and plain[name] not in taken:
            found[role] = plain[name]
            taken.add(plain[name])
            return


def plain_name(name: object) -> str:
    """A column's name without case, blanks and an ``id`` or ``name`` at its end."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name).strip())
    text = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return re.sub(r"(?<=.)_?(id|nr|no)$", "", text) if text not in MEASURES else text


def absent(name: str, what: str, columns: Sequence[str]) -> str:
    """The sentence about a column that was named and is not there."""
    return f"there is no column '{name}' for the {what}; there are: {', '.join(map(str, columns))}"
