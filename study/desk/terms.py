"""Words of statistics as pages explain them where they stand, with the place where more is said.

A page puts ``{% include "study/desk/term.html" with term=terms.alpha %}`` behind the word, and
``{% include "study/desk/terms.html" %}`` once at its end; ``terms`` is :data:`TERMS`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word, what it means in one or two plain sentences, and the heading in docs/statistics.md
    below which it is defined, as in addresses.
    """

    name: str
    title: str
    said: str
    place: str


TERMS = {
    term.name: term
    for term in (
        Term(
            "mos",
            "MOS",
            "Mean opinion score: the mean of all ratings, from 1 (bad) to 5 (excellent).",
            "mos-of-a-method-on-a-set",
        ),
        Term(
            "interval",
            "± 95 %",
            "Half the 95 % confidence interval of the mean. Of a hundred such studies with other "
            "raters, about 95 would have the true mean within theirs.",
            "mos-of-a-method-on-a-set",
        ),
        Term(
            "interval_of_image",
            "± 95 % of an image",
            "Half the 95 % confidence interval of one image’s mean, from its ratings alone. With "
            "few ratings it is wide; it may reach beyond the scale.",
            "mos-of-a-stimulus",
        ),
        Term(
            "like_best",
            "≈",
            "The test could have shown a difference to the best method and did not. That is no "
            "proof that the two are equal.",
            "pairs-of-methods",
        ),
        Term(
            "signed_ranks",
            "Wilcoxon’s signed ranks",
            "A test of whether raters tend to rate one method above the other. It takes each "
            "rater’s mean difference, ranks them by size, and compares the two directions.",
            "pairs-of-methods",
        ),
        Term(
            "holm",
            "Holm",
            "Who tests many pairs finds some differences by chance. Holm’s correction raises each "
            "p so that all pairs of a set together stay below 5 %.",
            "pairs-of-methods",
        ),
        Term(
            "few_raters",
            "Too few raters",
            "Even if all raters agree, the test of so few cannot give a p below 0.05: with n "
            "raters and m pairs p is at least 2m/2ⁿ.",
            "too-few-raters",
        ),
        Term(
            "ranks",
            "Mean rank",
            "In each rater’s ratings of one image the methods are put in order, 1 is the best and "
            "equal scores share a rank. The figure is the mean of these ranks.",
            "ranks",
        ),
        Term(
            "power",
            "Difference that can be found",
            "A true difference of this size would come out as significant in four of five such "
            "studies. A smaller one may well be there and stay unseen.",
            "how-many-raters",
        ),
        Term(
            "pearson",
            "Pearson, logistic fit",
            "How well a measure predicts the MOS, once its figures are bent by a smooth rising or "
            "falling curve: 1 is perfectly, 0 not at all.",
            "mos-and-measures",
        ),
        Term(
            "spearman",
            "Spearman",
            "Whether a measure and the MOS put images in the same order: 1 is the same, 0 no "
            "relation, −1 the reverse. A measure where less is better should come near −1.",
            "mos-and-measures",
        ),
        Term(
            "kendall",
            "Kendall",
            "The same question by pairs: of all pairs of images, the share that both put in the "
            "same order, less the share in the reverse one.",
            "mos-and-measures",
        ),
        Term(
            "alpha",
            "Krippendorff’s α",
            "How far raters agree beyond chance: 1 is complete agreement, 0 is chance. It is about "
            "single raters; their mean can be steady where α is low.",
            "agreement",
        ),
        Term(
            "icc_a1",
            "ICC(A,1)",
            "Intraclass correlation of one rater: what share of the differences between scores "
            "comes from the images, and not from who rated. 1 is all.",
            "agreement",
        ),
        Term(
            "icc_ak",
            "ICC(A,k)",
            "Intraclass correlation of the mean of all k raters: how steady the MOS of images "
            "would be with others in their place. 1 is the same again.",
            "agreement",
        ),
        Term(
            "sos_a",
            "SOS a",
            "One figure for how much raters scatter around the MOS, whatever the MOS is: 0.1 to "
            "0.3 is usual for images, far above it look for raters who did not look.",
            "sos",
        ),
        Term(
            "bias",
            "Bias",
            "How much higher (or, below 0, lower) this rater scores than the others on the same "
            "images. A strict rater is no bad rater.",
            "subject-model",
        ),
        Term(
            "inconsistency",
            "Inconsistency",
            "How much this rater’s scores scatter, in points, once images and their bias are taken "
            "out. Large values suggest haste.",
            "subject-model",
        ),
        Term(
            "correlation",
            "Correlation",
            "Of this rater’s scores with the mean of all others: 1 is the same order and spacing, "
            "0 no relation.",
            "screening",
        ),
        Term(
            "far_off",
            "Far above, far below",
            "How many of this rater’s scores lie unusually far above and below the mean of their "
            "image (P and Q of ITU-R BT.500). Many on both sides mark an erratic rater.",
            "screening",
        ),
        Term(
            "kappa",
            "Weighted κ",
            "Agreement of a rater’s first and second score of the same image beyond chance; near "
            "misses count less than wide ones. 1 is complete.",
            "retest",
        ),
        Term(
            "tost",
            "Equivalence test",
            "Two one-sided tests (TOST) of whether first and second scores differ by less than the "
            "margin on average. A small p here means that they agree.",
            "retest",
        ),
        Term(
            "sd",
            "SD",
            "Standard deviation: how far single scores of one image lie from their mean, in "
            "points. 0 is complete agreement, 2 half of them 1 and half of them 5.",
            "largest-disagreements",
        ),
        Term(
            "sign_test",
            "Sign test",
            "Counts how many raters scored one version above the other, and how many below, and "
            "asks how likely so uneven a count is by chance.",
            "largest-disagreements",
        ),
        Term(
            "strength",
            "Strength",
            "The smaller of the two differences, the raters’ and the measure’s, each in units of "
            "its spread over the set: both have to contradict clearly.",
            "largest-disagreements",
        ),
        Term(
            "tau",
            "Kendall’s τ",
            "Compares two orders of the methods pair by pair: 1 is the same order, 0 no relation, "
            "−1 the reverse. Equal means count for neither.",
            "largest-disagreements",
        ),
    )
}
"""By name."""
