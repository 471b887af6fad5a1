"""PostgreSQL's binary COPY format, built by numpy in one go."""

import functools

import numpy as np
from numpy.typing import NDArray

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_POSTGRES_EPOCH_MS = 946_684_800_000  # 2000-01-01


@functools.lru_cache(maxsize=64)
def _row_type(columns: int) -> np.dtype[np.void]:
    fields: list[tuple[str, str]] = [
        ("fields", ">i2"),
        ("n0", ">i4"),
        ("key", ">i4"),
        ("n1", ">i4"),
        ("at", ">i8"),
    ]
    for index in range(columns):
        fields += [(f"l{index}", ">i4"), (f"v{index}", ">f8")]
    return np.dtype(fields)


def encode(key: NDArray[np.int32], at_ms: NDArray[np.int64], *, values: NDArray[np.float64]) -> bytes:
    """Return a COPY stream of rows (key integer, at timestamptz, columns double precision).

    Parameters
    ----------
    key : (rows,) array
    at_ms : (rows,) array [ms since the Unix epoch]
    values : (columns, rows) array
    """
    columns = len(values)
    out = np.empty(len(key), dtype=_row_type(columns))
    out["fields"] = 2 + columns
    out["n0"], out["key"] = 4, key
    out["n1"], out["at"] = 8, (at_ms - _POSTGRES_EPOCH_MS) * 1000
    for index in range(columns):
        out[f"l{index}"], out[f"v{index}"] = 8, values[index]
    return _HEADER + out.tobytes() + _TRAILER
