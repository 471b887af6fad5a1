"""Many rows between the database and numpy, in binary: no row ever becomes an object."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from numpy.typing import NDArray

from apps.common.cursors import copy_cursor

Field = tuple[str, str | np.dtype[Any]]
HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
# What stands before the value of a single row: the head, how many values, how long the value is.
BEFORE: Final = len(HEADER) + 2 + 4
SENT: Final = {">i4": "int4send({}::int4)", ">i8": "int8send({}::int8)", ">f8": "float8send({}::float8)"}
REAL: Final = 700  # the number of PostgreSQL's type, as arrays carry it


def copy_out(query: str, parameters: Sequence[object], *, fields: Sequence[Field]) -> "NDArray[np.void]":
    """Return a query's rows; every field has a fixed size, so none may be NULL."""
    # One row: COPY hands out each by itself, which would cost more than all the rest.
    sent = " || ".join(_sent(field[1]).format(f"c{place}") for place, field in enumerate(fields))
    names = ", ".join(f"c{place}" for place in range(len(fields)))
    # The order of the query stays: it is sorted before its rows are put together.
    packed = f"SELECT coalesce(string_agg({sent}, ''::bytea), ''::bytea) FROM ({query}) AS held({names})"  # noqa: S608 - the query is ours
    with copy_cursor() as cursor:
        with cursor.copy(f"COPY ({packed}) TO STDOUT (FORMAT BINARY)", parameters) as copy:
            data = b"".join(bytes(block) for block in copy)
    return np.frombuffer(memoryview(data)[BEFORE : len(data) - len(TRAILER)], dtype=np.dtype(list(fields)))


def copy_values(rows: "QuerySet[Any, Any]", *, fields: Sequence[tuple[str, str]]) -> "NDArray[np.void]":
    """Return the numbers that `values_list` of a query names, as `copy_out` does: none may be NULL."""
    try:
        query, parameters = rows.query.sql_with_params()
    except EmptyResultSet:
        return np.empty(0, np.dtype(list(fields)))
    return copy_out(query, parameters, fields=fields)


def copy_in(table: str, columns: Mapping[str, NDArray[Any]]) -> None:
    """Append rows; numbers go in the database's order of bytes, raw ones (`V`) as they are."""
    rows = len(next(iter(columns.values())))
    wire = {
        name: values if values.dtype.kind == "V" else _swapped(values) for name, values in columns.items()
    }
    layout: list[Field] = [("_count", ">i2")]
    for name, values in wire.items():
        layout += [(f"_{name}", ">i4"), (name, values.dtype.str)]
    out = np.empty(rows, dtype=np.dtype(layout))
    out["_count"] = len(wire)
    for name, values in wire.items():
        out[f"_{name}"], out[name] = values.dtype.itemsize, values
    with copy_cursor() as cursor:
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(HEADER)
            copy.write(out.tobytes())
            copy.write(TRAILER)


def raw(values: NDArray[Any]) -> NDArray[np.void]:
    """Return (rows, n) numbers as one field of bytes a row."""
    whole = np.ascontiguousarray(values)
    return whole.view(np.dtype((np.void, whole.shape[1] * whole.dtype.itemsize)))[:, 0]


def text(value: str, *, rows: int) -> NDArray[np.void]:
    """Return the same text for every row."""
    return np.full(rows, np.void(value.encode()))


def real_arrays(values: NDArray[np.floating[Any]]) -> NDArray[np.void]:
    """Return (rows, n) or (rows, m, n) numbers as fields of type real[] or real[][]; none may be missing."""
    shape = values.shape[1:]
    head = np.array([len(shape), 0, REAL, *(part for size in shape for part in (size, 1))], dtype=">i4")
    cells = np.dtype([("size", ">i4"), ("value", ">f4")])
    out = np.empty(len(values), dtype=[("head", ">i4", head.shape), ("cells", cells, shape)])
    out["head"], out["cells"]["size"], out["cells"]["value"] = head, 4, values
    return out.view(np.dtype((np.void, out.dtype.itemsize)))


def _sent(kind: str | np.dtype[Any]) -> str:
    """Return the database's function that writes a field; a field with an inside is an array."""
    return SENT[kind] if isinstance(kind, str) else "array_send({})"


def _swapped(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(values.dtype.newbyteorder(">"))
