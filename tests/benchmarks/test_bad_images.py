"""Of every file that is not taken it is said why, and what would be right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.files import encode_png, read_image
from tests.benchmarks.bring_sets import Pixels, add, names, put, refused
from tests.benchmarks.test_files import blank_png


def cut_short(path: Path, image: Pixels) -> None:
    path.write_bytes(encode_png(image)[:3000])


def with_16_bits(path: Path, image: Pixels) -> None:
    Image.fromarray(image[..., 0].astype(np.uint16) * 257).save(path, "PNG")


def with_16_bits_of_colour(path: Path, image: Pixels) -> None:
    height, width = image.shape[:2]
    path.write_bytes(b"P6 %d %d 65535\n" % (width, height) + image.astype(">u2").tobytes())


def of_ink(path: Path, image: Pixels) -> None:
    Image.fromarray(image).convert("CMYK").save(path, "JPEG")


def transparent(path: Path, image: Pixels) -> None:
    alpha = np.full(image.shape[:2], 255, np.uint8)
    alpha[5, 5] = 254
    Image.fromarray(np.dstack([image, alpha])).save(path, "PNG")


def with_a_transparent_colour(path: Path, image: Pixels) -> None:
    Image.fromarray(image).save(path, "PNG", transparency=tuple(image[3, 3].tolist()))


def of_floats(path: Path, image: Pixels) -> None:
    Image.fromarray(image[..., 0].astype(np.float32) / 255).save(path, "TIFF")


def animated(path: Path, image: Pixels) -> None:
    frames = [Image.fromarray(image), Image.fromarray(image[::-1])]
    frames[0].save(path, "PNG", save_all=True, append_images=frames[1:])


def of_pages(path: Path, image: Pixels) -> None:
    pages = [Image.fromarray(image), Image.fromarray(image[::-1])]
    pages[0].save(path, "TIFF", save_all=True, append_images=pages[1:])


def a_bomb(path: Path, image: Pixels) -> None:
    path.write_bytes(blank_png(8000, 5001))


def a_lie(path: Path, image: Pixels) -> None:
    lie = b"P5 90000 90000 255 "
    path.write_bytes(lie + image.tobytes())


def too_small(path: Path, image: Pixels) -> None:
    Image.fromarray(image[:34, :31]).save(path, "PNG")


def a_text(path: Path, image: Pixels) -> None:
    path.write_text("no image")


BAD: dict[Callable[[Path, Pixels], None], str] = {
    cut_short: "it is damaged or was cut short (image file is truncated); get a whole copy of it",
    with_16_bits: "it has more than 8 bits a channel; convert it to an 8-bit image",
    with_16_bits_of_colour: "it has more than 8 bits a channel; convert it to an 8-bit image",
    of_ink: "its pixels are CMYK; convert it to RGB",
    transparent: "is partly transparent; an opaque image is needed, without alpha channel",
    with_a_transparent_colour: "is partly transparent; an opaque image is needed",
    of_floats: "its pixels are floating-point numbers; convert it to 8 bits a channel, 0 to 255",
    animated: "it holds several images; save the one that is meant in a file of its own",
    of_pages: "it holds several images; save the one that is meant in a file of its own",
    a_bomb: "it has more than 40 million pixels, the most for an image; cut it smaller",
    a_lie: "it has more than 40 million pixels, the most for an image; cut it smaller",
    too_small: "is 31x34 px; an image needs 32 px a side",
    a_text: "it is no whole PNG, BMP, TIFF, JPEG, PPM file",
}


def test_all_that_is_wrong_is_said_at_once_each_in_its_own_line(source, folder, photographs):
    for spoil in BAD:
        spoil(source / f"{spoil.__name__}.png", photographs["coffee"])
    put(source / "copy of coffee.png", photographs["coffee"])
    put(source / "ROCKET.png", photographs["chelsea"][::-1])
    put(source / "new\nline.png", photographs["chelsea"][:, ::-1])
    put(source / f"{'long' * 26}.png", photographs["rocket"][::-1])
    put(source / f"{'東' * 70}.png", photographs["rocket"][:, ::-1])
    put(source / " .png", photographs["camera"][::-1])
    put(source / "HR\\1.png", photographs["camera"][:, ::-1])
    (source / "out.png").symlink_to("/etc/hostname")
    head, *lines = refused(source, folder).splitlines()
    said = dict(BAD) | {
        "coffee.png and copy of coffee.png": "have the same pixels; one of them is enough",
        "ROCKET.png and rocket.png": "give the same name, upper and lower case being one",
        r"new\nline.png": "gives no name for an image: it needs legible signs alone",
        f"{'long' * 26}.png": "has too long a name: 100 characters at the most",
        f"{'東' * 70}.png": "has too long a name: 100 characters at the most, 200 bytes in UTF-8",
        " .png": "gives no name for an image",
        r"HR\1.png": "gives no name for an image: it needs legible signs alone, no backslash",
        "out.png": "is a link that leads out of the folder; put the image itself there",
    }
    assert head == f"{source} was not taken: {len(said)} problems"
    for which, reason in said.items():
        label = which if isinstance(which, str) else f"{which.__name__}.png"
        matching = [line for line in lines if line.startswith(f"  {label} ")]
        assert len(matching) == 1, label
        assert reason in matching[0]
    assert len(lines) == len(said)


def test_what_can_be_read_exactly_is_taken(source, folder, photographs):
    image = photographs["coffee"]
    few = Image.fromarray(image).quantize(16)
    opaque = np.dstack([image[::-1], np.full(image.shape[:2], 255, np.uint8)])
    turned = Image.fromarray(np.rot90(image[:, ::-1]))
    noted = turned.getexif()
    noted[0x0112] = 6
    few.save(source / "palette.png")
    Image.fromarray(opaque).save(source / "opaque.png")
    turned.save(source / "turned.tif", exif=noted)
    add("Mine", source, folder, as_they_are=True)
    taken = {name: read_image(folder / "Mine" / f"{name}.png") for name in names(folder)}
    assert np.array_equal(taken["palette"], np.array(few.convert("RGB")))
    assert np.array_equal(taken["opaque"], image[::-1])
    assert np.array_equal(taken["turned"], image[:, ::-1])
