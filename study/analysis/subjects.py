"""The subject model of ITU-T P.910 Annex E (P.913 12.6): quality, bias and inconsistency at once.

u_ij = psi_j + D_i + v_i·X with X standard normal. No rater is dropped: the careless weigh little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.analysis.scores import Floats, Scores

TOLERANCE = 1e-8
MOST_ITERATIONS = 2000
LEAST_INCONSISTENCY = 1e-3
"""Floor of v in score steps: below it one rater's scores alone would be taken for the truth."""
Z = 1.959963984540054


@dataclass(frozen=True, eq=False)
class SubjectModel:
    """``psi`` (one a stimulus) with its standard error ``psi_se`` = 1/√(Σ v⁻²); ``bias`` D and
    ``inconsistency`` v (one a rater). ``collapsed``: raters whose v fell to the floor.
    """

    psi: Floats
    psi_se: Floats
    bias: Floats
    inconsistency: Floats
    iterations: int
    collapsed: list[str]

    def interval(self) -> tuple[Floats, Floats]:
        """The 95 % interval of psi, psi ± 1.96/√(Σ v⁻²)."""
        return self.psi - Z * self.psi_se, self.psi + Z * self.psi_se


def subject_model(scores: Scores) -> SubjectModel:
    """Fit by alternating projection, to a change of psi below 1e-8 (Euclidean norm).

    In turns: v_i the SD (divisor n) of rater i's residuals, psi_j the mean of u - D weighted by
    v⁻², D_i the mean of u - psi; at the end the biases are centred, ΣD = 0. Votes may be missing
    or repeated. Where the likelihood has no maximum (one rater is followed exactly, as happens
    with very few raters) v stops at `LEAST_INCONSISTENCY`, and ``collapsed`` says who.

    Li et al. 2020, "A simple model for subject behavior in subjective experiments".
    """
    i, j, u = scores.rater, scores.stimulus, scores.score
    raters, stimuli = len(scores.raters), len(scores.stimuli)
    of_rater = np.bincount(i, minlength=raters)
    psi = np.bincount(j, u, stimuli) / np.bincount(j, minlength=stimuli)
    bias = np.bincount(i, u - psi[j], raters) / of_rater
    v, iterations = np.ones(raters), 0
    for _ in range(MOST_ITERATIONS):
        iterations += 1
        residual = u - psi[j] - bias[i]
        centre = np.bincount(i, residual, raters) / of_rater
        v = np.sqrt(np.bincount(i, (residual - centre[i]) ** 2, raters) / of_rater)
        v = np.maximum(v, LEAST_INCONSISTENCY)
        weight = v**-2.0
        total = np.bincount(j, weight[i], stimuli)
        before, psi = psi, np.bincount(j, weight[i] * (u - bias[i]), stimuli) / total
        bias = np.bincount(i, u - psi[j], raters) / of_rater
        if np.linalg.norm(psi - before) < TOLERANCE:
            break
    shift = bias.mean()
    collapsed = [
        name for name, low in zip(scores.raters, v <= LEAST_INCONSISTENCY, strict=True) if low
    ]
    return SubjectModel(psi + shift, 1 / np.sqrt(total), bias - shift, v, iterations, collapsed)
