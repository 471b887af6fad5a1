"""The platform's mark as PNG, for launchers that take no SVG: drawn from its two polygons.

Each pixel is the mean of sixteen points; the file is the smallest form of PNG (RFC 2083): one filterless scan.
"""

import functools
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

Point = tuple[float, float]
LEAF: Final = [(16, 2), (3.5, 9), (3.5, 23), (16, 30), (28.5, 23), (28.5, 9)]
BOLT: Final = [(17.6, 7), (9.5, 17.8), (14.8, 17.8), (13.6, 25), (22.2, 13.8), (16.6, 13.8)]
PAGE, GREEN, YELLOW = (0xF5, 0xF6, 0xF2), (0x0E, 0x76, 0x53), (0xFF, 0xD3, 0x5C)
VIEW: Final = 32.0
FINE: Final = 4
SIZES: Final = (180, 192, 512)


@functools.cache
def icon_png(size: int, *, share: float = 0.72) -> bytes:
    """Return the mark on the page's color, `size` pixels wide, the mark taking `share` of it."""
    import numpy as np

    width = size * FINE
    scale, margin = width * share / VIEW, width * (1 - share) / 2
    fine = np.empty((width, width, 3), np.uint8)
    fine[:] = PAGE
    for points, color in ((LEAF, GREEN), (BOLT, YELLOW)):
        placed = [(x * scale + margin, y * scale + margin) for x, y in points]
        for line in range(width):
            crossings = sorted(_crossings(placed, line + 0.5))
            for left, right in zip(crossings[::2], crossings[1::2], strict=True):
                fine[line, round(left) : round(right)] = color
    pixels = (
        fine.reshape(size, FINE, size, FINE, 3).mean(axis=(1, 3)).astype(np.uint8).reshape(size, size * 3)
    )
    scan = np.hstack([np.zeros((size, 1), np.uint8), pixels]).tobytes()
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(scan, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in parts)


def _crossings(points: Sequence[Point], y: float) -> Iterator[float]:
    for (x1, y1), (x2, y2) in zip(points, [*points[1:], points[0]], strict=True):
        if (y1 <= y) != (y2 <= y):
            yield x1 + (y - y1) / (y2 - y1) * (x2 - x1)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
