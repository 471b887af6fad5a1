"""Arrays of many homes in one column of the database, and back."""

import io
from collections.abc import Mapping
from typing import Any, LiteralString

import numpy as np
import psycopg
from django.db import connection
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
HOURS = 24
LAYERS = ("uncontrolled_kw", "ev_kw", "heat_kw")
PROFILE_TYPE = np.dtype("<f2")


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return named arrays as bytes, uncompressed: what is read often should be read fast."""
    with io.BytesIO() as buffer:
        np.savez(buffer, allow_pickle=False, **dict(arrays))
        return buffer.getvalue()


def unpack(content: bytes) -> Arrays:
    """Return what `pack` packed."""
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def read_arrays(organization_id: int) -> Arrays:
    """Return the columns of an organization's homes; in binary, for the driver's text would double it."""
    return unpack(
        _bytes(
            "SELECT arrays FROM flexibility_portfoliosnapshot WHERE organization_id = %s", [organization_id]
        )
    )


def read_hour(organization_id: int, *, hour: int, homes: int) -> NDArray[np.float16]:
    """Return what homes drew in an hour of the day (UTC) as (layers, homes) [kW], NaN where nothing is known.

    Hours stand one behind the other, so that the database hands out only this one.
    """
    size = len(LAYERS) * homes * PROFILE_TYPE.itemsize
    part = _bytes(
        "SELECT substring(profiles FROM %s FOR %s) FROM flexibility_portfoliosnapshot WHERE organization_id = %s",
        [hour * size + 1, size, organization_id],
    )
    return np.frombuffer(part, dtype=PROFILE_TYPE).reshape(len(LAYERS), homes)


def _bytes(statement: LiteralString, parameters: list[int]) -> bytes:
    connection.ensure_connection()
    # Django's own cursor binds on the client and so cannot ask for binary.
    with psycopg.Cursor(connection.connection) as cursor:
        row = cursor.execute(statement, parameters, binary=True).fetchone()
    return bytes(row[0]) if row and row[0] is not None else b""
