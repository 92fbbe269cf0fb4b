"""Training crops are degraded as the whole photograph would be; photographs are chosen fairly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch
from PIL import Image

from sr_models.interpolation import imresize
from sr_models.training import heldout
from sr_models.training.patches import MARGIN, Ahead, Photos, reduce_crops, reduce_photo


def test_the_lr_of_a_crop_is_the_lr_of_the_photograph(photo):
    """Bit for bit, at every place that a crop can have."""
    whole = imresize(photo, Fraction(1, 4))
    side = 32
    for y in range(0, photo.shape[0] - side - 2 * MARGIN, 52):
        for x in range(0, photo.shape[1] - side - 2 * MARGIN, 76):
            crop = photo[y : y + side + 2 * MARGIN, x : x + side + 2 * MARGIN]
            lr = reduce_crops(torch.from_numpy(crop.copy()).permute(2, 0, 1)[None])[0]
            top, left = (y + MARGIN) // 4, (x + MARGIN) // 4
            expected = whole[top : top + side // 4, left : left + side // 4]
            assert np.array_equal(lr.permute(1, 2, 0).numpy(), expected)


def test_a_batch_holds_pairs_in_every_orientation(photo):
    photos = Photos.gather([photo], smallest=48)
    lr, hr = photos.batch(64, 32, seed=1)
    assert lr.shape == (64, 3, 8, 8)
    assert hr.shape == (64, 3, 32, 32)
    assert float(hr.min()) >= 0
    assert float(hr.max()) <= 1
    for low, high in zip(lr, hr, strict=True):
        pixels = (high * 255).round().byte().permute(1, 2, 0).numpy()
        inside = imresize(np.ascontiguousarray(pixels), Fraction(1, 4))[2:-2, 2:-2]
        assert np.array_equal((low * 255).round().permute(1, 2, 0).numpy()[2:-2, 2:-2], inside)
    found = {
        turn
        for crop in (hr * 255).round().byte().numpy()
        for turn in range(8)
        if _holds(photo, _turned(crop.transpose(1, 2, 0), turn))
    }
    assert found == set(range(8))


def _turned(crop: np.ndarray, turn: int) -> np.ndarray:
    return np.rot90(crop[:, ::-1] if turn & 4 else crop, turn & 3)


def _holds(photo: np.ndarray, crop: np.ndarray) -> bool:
    windows = np.lib.stride_tricks.sliding_window_view(photo[::, ::, 0], crop.shape[:2])[::4, ::4]
    places = np.argwhere(windows[:, :, 0, 0] == crop[0, 0, 0])
    return any(np.array_equal(windows[y, x], crop[..., 0]) for y, x in places)


def test_the_same_seed_gives_the_same_batch(photo):
    photos = Photos.gather([photo, photo[:100, :120]], smallest=48, scales=(1.0, 0.6))
    again, other = photos.batch(4, 32, seed=7), photos.batch(4, 32, seed=8)
    for one, two, three in zip(photos.batch(4, 32, seed=7), again, other, strict=True):
        assert torch.equal(one, two)
        assert not torch.equal(one, three)


def test_of_some_places_the_busiest_is_cropped(photo):
    """And a crop is where a batch of one place would have had one of its own."""
    photos = Photos.gather([photo], smallest=48)

    def contrasts(busiest_of: int) -> list[float]:
        _, hr = photos.batch(32, 32, seed=3, busiest_of=busiest_of)
        pictures = (hr * 255).round().byte().permute(0, 2, 3, 1).numpy()
        return [float(heldout.contrast(picture).mean()) for picture in pictures]

    one, two, many = (np.mean(contrasts(count)) for count in (1, 2, 16))
    assert one < two < many
    _, alone = photos.batch(64, 32, seed=3)
    _, chosen = photos.batch(32, 32, seed=3, busiest_of=2)
    flattened = [crop.sort().values for crop in alone.flatten(1)]
    assert all(
        any(torch.equal(crop.sort().values, other) for other in flattened)
        for crop in chosen.flatten(1)
    )


def test_watched_photographs_are_not_trained_on():
    for count in (4, 10, 556):
        training, watched = heldout.split(range(count))
        assert len(watched) == min(heldout.COUNT, count // 2)
        assert sorted(training + watched) == list(range(count))
    assert heldout.split(range(1)) == ([0], [])


def test_the_parts_that_are_watched_are_busy_and_differ(photo):
    """The centre, and the whiskers before the blanket."""
    found = heldout.parts(photo)
    assert [part.shape for part in found] == [(192, 192, 3)] * heldout.PARTS
    assert np.array_equal(found[0], photo[54:246, 128:320])
    centre, busiest, second = (heldout.contrast(part).mean() for part in found)
    assert busiest >= second
    assert busiest > centre
    assert heldout.contrast(photo).mean() < second
    assert len(heldout.parts(photo[:100, :100])) == 1


def test_smaller_sizes_are_pillows_bicubic_within_a_grey_level_or_two(photo):
    for scale in (0.8, 0.6):
        height, width = (round(side * scale) for side in photo.shape[:2])
        small = reduce_photo(torch.from_numpy(photo), (height, width)).numpy()
        expected = Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC)
        difference = np.abs(small.astype(int) - np.asarray(expected))
        assert difference.max() <= 2
        assert difference.mean() < 0.05


def test_batches_made_ahead_are_those_of_their_updates(photo):
    photos = Photos.gather([photo], smallest=48)

    def make(update: int) -> tuple[torch.Tensor, torch.Tensor]:
        return photos.batch(2, 32, seed=update)

    ahead = Ahead(make, torch.device("cpu"))
    for update in (0, 1, 2, 7):
        assert torch.equal(ahead.take(update)[1], make(update)[1])
