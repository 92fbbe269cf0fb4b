"""Colour plates: their digit is there for full colour vision, and not for protan or deutan eyes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from study.rating import plates

TO_LMS = np.array(plates.LMS_FROM_RGB)


def seen(colour, kind):
    """What a dichromat's two remaining cones answer, relative to the lightest that they can."""
    cones = TO_LMS @ np.array(colour)
    return np.delete(cones, {"protan": 0, "deutan": 1}[kind])


@pytest.mark.parametrize("kind", ["protan", "deutan"])
def test_figure_and_ground_are_one_colour_without_the_cone_and_two_with_it(kind):
    figure, ground = plates.colours(kind)
    assert np.allclose(seen(figure, kind), seen(ground, kind), rtol=1e-6)
    red_green = [(r - g) / (r + g) for r, g, _ in (figure, ground)]
    assert red_green[0] - red_green[1] > 0.4
    assert all(0 <= part <= 1 for part in (*figure, *ground))


@pytest.mark.parametrize("kind", ["protan", "deutan"])
def test_lightness_gives_the_digit_away_to_nobody(kind):
    """The scatter from dot to dot is larger than the difference between figure and ground."""
    luminance = [np.dot(c, (0.2126, 0.7152, 0.0722)) for c in plates.colours(kind)]
    low, high = 1 - plates.SCATTER, 1 + plates.SCATTER
    assert max(luminance) * low < min(luminance) * high
    assert max(luminance) / min(luminance) < 1.2


def test_the_first_plate_is_read_by_everyone():
    figure, ground = plates.colours("everyone")
    for kind in ("protan", "deutan"):
        assert np.abs(seen(figure, kind) / seen(ground, kind) - 1).max() > 0.5


@pytest.mark.parametrize("digit", plates.DIGITS)
def test_the_dots_of_a_plate_show_its_digit(digit):
    """Where the picture is reddish is where the digit is drawn, and nowhere else."""
    content = plates.png(plates.Plate(digit, "protan", seed=digit))
    image = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"), float)
    dots = image[..., 3] == 255
    reddish = image[..., 0] > image[..., 1]
    mask = np.asarray(plates._mask(digit))
    assert (reddish == mask)[dots].mean() > 0.95
    others = [d for d in plates.DIGITS if d != digit]
    fit = [(reddish == np.asarray(plates._mask(d)))[dots].mean() for d in (digit, *others)]
    assert np.argmax(fit) == 0


def test_many_plates_share_a_few_layouts_that_are_made_once():
    plates._dots.cache_clear()
    plates.png.cache_clear()
    shown = {plates.png(plates.Plate(3, "deutan", seed)) for seed in range(40)}
    assert plates._dots.cache_info().misses <= plates.LAYOUTS
    assert len(shown) == 40, "and no two of them are the same"


def test_plates_are_the_same_for_a_seed_and_repeat_no_digit_before_all_were_used():
    first = plates.plates_for("r1", 6)
    assert first == plates.plates_for("r1", 6)
    assert first != plates.plates_for("r2", 6)
    assert sorted(plate.number for plate in first[:5]) == sorted(plates.DIGITS)
    assert plates.png(first[1]) == plates.png(plates.plates_for("r1", 6)[1])
