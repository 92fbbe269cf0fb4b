"""The MOS table says who rated and what is missing, and every rendering keeps its figures."""

from __future__ import annotations

import io
import json
import math
import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.analysis import opinion, tables
from study.analysis.measures import OURS, Measure
from tests.analysis.conftest import COLUMNS, votes

ORDER = ["nearest", "bicubic", "srgan", "hr"]
TITLES = {"nearest": "Nearest neighbour", "bicubic": "Bicubic", "srgan": "SRGAN", "hr": "Original"}
SCORES = {"nearest": (1, 1, 2, 1), "bicubic": (2, 1, 3, 2), "srgan": (4, 3, 5, 4)}
NOTHING = pd.DataFrame(columns=COLUMNS)


def measured(method, image, psnr, ssim=0.8, lpips=0.25, set_name="Set5"):
    return (set_name, image, method, psnr, ssim, ssim + 0.01, lpips)


def measures_of(*rows):
    return pd.DataFrame(rows, columns=["set", "image", "method", *OURS])


MEASURES = measures_of(
    *(measured(m, image, psnr + i) for i, image in enumerate("xy") for m, psnr in
      [("nearest", 24.0), ("bicubic", 26.0), ("srgan", 25.0)]),
    measured("hr", "x", None, 1.0, 0.0), measured("hr", "y", None, 1.0, 0.0),
)  # fmt: skip


def people(raters=2, *, simulated=False):
    """Votes of two or more raters on two images by every method but the original."""
    return votes(
        [
            (f"r{n}", image, method, scores[(2 * n + i) % 4])
            for n in range(raters)
            for i, image in enumerate("xy")
            for method, scores in SCORES.items()
        ],
        simulated=simulated,
    )


def table(ratings=None, measures=MEASURES, **options):
    ratings = people() if ratings is None else ratings
    return tables.mos_table(ratings, measures, **{"order": ORDER, "titles": TITLES, **options})


def row_of(method, shown):
    return shown.set_index("method").loc[method]


def test_a_row_by_hand():
    row = row_of("bicubic", table(published={("Set5", "bicubic"): 1.97}))
    # r0 gives 2 and 1, r1 gives 3 and 2: means 1.5 and 2.5, SD √½, t(0.975, 1) = 12.7062.
    assert row[["set", "title", "mos", "raters", "ratings", "images"]].tolist() == [
        *("Set5", "Bicubic", 2.0, 2, 4, 2),
    ]
    assert row["ci_half_width"] == pytest.approx(12.7062 * math.sqrt(0.5) / math.sqrt(2), abs=1e-4)
    assert row["ci_low"] == row["mos"] - row["ci_half_width"]
    assert row["ci_high"] == row["mos"] + row["ci_half_width"]
    assert row[["psnr", "ssim", "lpips", "published_mos"]].tolist() == [26.5, 0.8, 0.25, 1.97]
    assert row["ssim_daala"] == pytest.approx(0.81)
    assert (row["raters_kind"], row["interval"]) == ("people", opinion.INTERVAL)


def test_rows_come_in_the_given_order_of_sets_and_methods():
    both = pd.concat([MEASURES, MEASURES.assign(set="BSD100")]).sample(frac=1, random_state=1)
    shown = table(measures=both, sets=["Set5", "BSD100"])
    assert list(zip(shown["set"], shown["method"], strict=True)) == [
        (name, method) for name in ("Set5", "BSD100") for method in ORDER
    ]
    assert table(measures=both, sets=["BSD100", "Set5"])["set"].tolist()[0] == "BSD100"


def test_what_nobody_has_rated_is_shown_with_the_reason():
    row = row_of("hr", table())
    assert row[["raters", "ratings", "images"]].tolist() == [0, 0, 0]
    assert row[["mos", "ci_low", "ci_high", "ci_half_width"]].isna().all()
    assert "no ratings" in row["note"].split("; ")
    everything = table(NOTHING)
    assert everything["method"].tolist() == ORDER
    assert (everything["raters_kind"] == "nobody").all()
    assert everything["note"].str.startswith("no ratings").all()
    assert tables.headline(everything).startswith("Rated by nobody yet: 0 raters.")


def test_an_informal_study_says_so():
    assert "informal: fewer than 15 raters" in row_of("srgan", table(people(14)))["note"]
    assert "informal" not in row_of("srgan", table(people(15)))["note"]


def test_the_original_has_an_infinite_psnr_and_says_why():
    shown = table()
    assert row_of("hr", shown)["psnr"] == math.inf
    assert "PSNR infinite: equal to the original" in row_of("hr", shown)["note"]
    assert tables.display(shown).iloc[-1]["psnr"] == "∞"
    assert tables.records(shown)[-1]["psnr"] is None


def test_a_measure_that_some_images_lack_has_no_mean_and_a_reason():
    some = MEASURES.copy()
    some.loc[some["image"] == "x", "lpips"] = None
    row = row_of("bicubic", table(measures=some))
    assert math.isnan(row["lpips"])
    assert "LPIPS measured for 1 of 2 images, hence no mean" in row["note"]
    assert row["psnr"] == 26.5
    none = table(measures=MEASURES.assign(lpips=None))
    assert none["note"].str.contains("LPIPS not measured").all()
    assert "lpips" not in tables.display(none).columns


def test_no_figure_is_missing_without_a_reason():
    some = MEASURES[MEASURES["method"] != "nearest"].assign(ssim_daala=None)
    for ratings in (NOTHING, people(1), people(2)):
        shown = table(ratings, some).drop(columns="published_mos")
        gaps = shown[shown.isna().any(axis=1)]
        assert (gaps["note"] != "").all()
        nearest = shown[shown["method"] == "nearest"]
        assert nearest["note"].str.contains("images not measured").all()


def test_images_not_rated_yet_are_owned_up_to():
    ratings = people()[lambda votes: votes["image"] == "x"]
    assert "measures over 2 images, ratings over 1" in row_of("srgan", table(ratings))["note"]


def test_people_and_simulated_raters_do_not_share_a_table():
    both = pd.concat([people(), people(simulated=True)])
    for function in (table, tables.ratings_csv):
        with pytest.raises(ValueError, match="never both"):
            function(both)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": ORDER[:-1]}, "the method 'hr' is rated or measured, but .*: nearest, bicubic"),
        ({"sets": ["Set14"]}, "the set 'Set5' is rated or measured, but .*: Set14"),
        ({"measures": MEASURES.drop(columns="lpips")}, "measures have no column 'lpips'"),
        ({"measures": pd.concat([MEASURES, MEASURES.head(1)])}, "Set5/x/nearest are given twice"),
        ({"measures": MEASURES.head(0), "ratings": NOTHING}, "nothing to show"),
        ({"ratings": people().drop(columns="score")}, "no column 'score'"),
    ],
)
def test_a_faulty_call_gets_one_sentence(options, message):
    with pytest.raises(ValueError, match=message) as error:
        table(**options)
    assert "\n" not in str(error.value)


def test_further_columns_are_ignored_by_the_table_and_kept_by_the_export():
    ratings = people().assign(seconds=2.5)
    pd.testing.assert_frame_equal(table(ratings), table())
    exported = pd.read_csv(io.StringIO(tables.ratings_csv(ratings)))
    assert exported.columns.tolist() == [*COLUMNS, "raters_kind", "seconds"]


FURTHER = {
    **OURS,
    "musiq": Measure("MUSIQ", decimals=1),
    "fid": Measure("FID & co", higher_is_better=False, decimals=3),
}
FID = {"fid": {("Set5", "bicubic"): 12.3456, ("Set5", "srgan"): 7.0}}


@pytest.mark.parametrize("form", ["table", "latex"])
def test_further_measures_are_columns_behind_ours_with_their_own_decimals(form):
    musiq = MEASURES.assign(musiq=[30.26 + k for k in range(len(MEASURES))])
    shown = table(people(3), musiq, known=FURTHER, of_sets=FID)
    assert list(shown.columns) == tables.columns(FURTHER)
    place = tables.columns(FURTHER).index("lpips")
    assert tables.columns(FURTHER)[place + 1 : place + 4] == ["musiq", "fid", "published_mos"]
    row = row_of("bicubic", shown)
    assert row["musiq"] == pytest.approx((31.26 + 34.26) / 2)
    assert row["fid"] == 12.3456
    assert "FID & co not measured" in row_of("nearest", shown)["note"]
    assert "measured" not in row["note"]
    text = tables.RENDERERS[form](shown, FURTHER)
    assert "32.8" in text
    assert "12.346" in text
    assert ("FID \\& co" if form == "latex" else "FID & co") in text
    own = [name for name in OURS if name != "psnr"]
    pd.testing.assert_frame_equal(shown[own], table(people(3))[own])


def test_a_whole_set_needs_no_figure_of_each_image():
    with pytest.raises(ValueError, match="no column 'fid'"):
        table(measures=MEASURES, known=FURTHER, of_sets={"musiq": {}})


@pytest.mark.parametrize("render", tables.RENDERERS.values(), ids=tables.RENDERERS.keys())
def test_every_rendering_says_who_rated_and_what_the_interval_is(render):
    for kind, words in [(False, "people"), (True, "simulated")]:
        text = render(table(people(3, simulated=kind)))
        assert words in text.lower()
        assert opinion.INTERVAL in text.replace("\\%", "%")
        assert "informal: fewer than 15 raters" in text.lower()
        assert ("simulated" in text.lower()) == kind


def test_csv_brings_back_every_figure():
    shown = table(people(3), published={("Set5", "srgan"): 3.58})
    back = pd.read_csv(io.StringIO(tables.to_csv(shown)), keep_default_na=False, na_values=[""])
    back["note"] = back["note"].fillna("")
    pd.testing.assert_frame_equal(back, shown, check_dtype=False, check_exact=True)


def test_json_brings_back_every_figure_and_has_null_for_none():
    shown = table(people(3), published={("Set5", "srgan"): 3.58})
    text = tables.to_json(shown)
    assert "NaN" not in text
    assert "Infinity" not in text
    rows = json.loads(text)
    assert [list(row) for row in rows] == [tables.columns()] * len(ORDER)
    for row, original in zip(rows, shown.to_dict("records"), strict=True):
        for key, value in original.items():
            finite = not isinstance(value, float) or math.isfinite(value)
            assert row[key] == (value if finite else None)


def test_the_terminal_table_is_aligned():
    text = tables.to_text(table(people(26)))
    assert text.startswith(
        "Rated by people: 0 to 26 raters. Interval: 95 % CI, t over raters' means."
    )
    head, rule, *rows = text.split("\n\n")[1].splitlines()
    assert {len(rule)} == {len(head)} == {len(row) for row in rows[:3]}
    mos = head.index("MOS") + len("MOS")
    assert [row[mos - 4 : mos] for row in rows] == ["1.25", "2.00", "4.00", "    "]
    assert "Note: No ratings. Rows: Original on Set5." in text


def test_latex_is_whole_and_escaped():
    titles = {"bicubic": r"Bi_cubic & 50 % #1 {a} $x$ ^~ \end"}
    ratings, measures = people(3), MEASURES.assign(set="Set_5")
    text = tables.to_latex(table(ratings.assign(set="Set_5"), measures, titles=titles))
    opened = re.findall(r"\\begin\{(\w+\*?)\}", text)
    assert sorted(opened) == sorted(re.findall(r"(?<!\w)\\end\{(\w+\*?)\}", text))
    assert opened == ["table*", "tabular"]
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert text.count(rule) == 1
    bare = re.sub(r"\\[%&#_{}$]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert not re.search("[%#_^~]", bare)
    columns = len(re.search(r"\\begin\{tabular\}\{(l[r]+)\}", text)[1])
    rows = [
        line for line in bare.splitlines() if line.endswith(r"\\") and "multicolumn" not in line
    ]
    assert len(rows) == 1 + len(ORDER)
    assert {line.count("&") for line in rows} == {columns - 1}
    assert r"\textit{Set\_5}" in text
    assert r"Bi\_cubic \& 50 \% \#1 \{a\} \$x\$ \textasciicircum{}\textasciitilde{} " in text
    assert r"\textbackslash{}end" in text
    assert r"3.83 $\pm$" in text
    assert r"$\infty$" in text


def test_raw_ratings_are_exported_whole_and_in_order():
    ratings = people(3).sample(frac=1, random_state=2)
    ratings = pd.concat([ratings, ratings.head(1).assign(score=5)])  # a repeated vote
    back = pd.read_csv(io.StringIO(tables.ratings_csv(ratings)))
    assert (back["raters_kind"] == "people").all()
    pd.testing.assert_frame_equal(
        back[COLUMNS], ratings[COLUMNS].reset_index(drop=True), check_dtype=False
    )
    pd.testing.assert_frame_equal(opinion.by_method(back), opinion.by_method(ratings))
    assert "simulated\n" in tables.ratings_csv(people(simulated=True))


@settings(deadline=None, max_examples=20)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from("xy"), st.sampled_from(ORDER), st.integers(1, 5)
        ),
        unique_by=lambda vote: vote[:3],
    )
)
def test_any_study_however_partial_is_rendered(rows):
    shown = table(votes(rows))
    assert shown["ratings"].sum() == len(rows)
    for render in tables.RENDERERS.values():
        assert "nan" not in render(shown)
    assert json.loads(tables.to_json(shown))[0]["ratings"] == shown["ratings"].iloc[0]
