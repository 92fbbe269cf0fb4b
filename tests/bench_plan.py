"""The paper's whole plan for one rater, beside a bare shuffle of the same 1128 trials."""

from __future__ import annotations

import random
from collections.abc import Callable

from study.plan import Item, Rules, plan

LEDIG2017 = [
    Item((dataset, image), method)
    for dataset, images, methods in (("Set5", 5, 12), ("Set14", 14, 12), ("BSD100", 100, 9))
    for image in range(images)
    for method in range(methods)
]
"""19 images by twelve methods and 100 by nine: the 1128 ratings of every rater of the paper."""


def planning(medians: Callable[..., list[float]]) -> None:
    """Four sessions with stabilising trials and twenty retests; a third of it as a partial plan."""

    def shuffle() -> None:
        places = list(range(len(LEDIG2017)))
        random.Random(0).shuffle(places)

    whole = Rules(sessions=4, retests=20)
    third = Rules(sessions=2, retests=20, share=len(LEDIG2017) // 3)
    bare, full, partial = medians(
        shuffle,
        lambda: plan(LEDIG2017, seed=0, rules=whole),
        lambda: plan(LEDIG2017, seed=0, rules=third, votes=[0] * len(LEDIG2017)),
    )
    print(
        f"The plan of the paper's {len(LEDIG2017)} trials in four sessions: {1000 * full:.1f} ms, "
        f"of a third of them {1000 * partial:.1f} ms, a bare shuffle {1000 * bare:.2f} ms"
    )
