"""A feeder's lines and ties from a file: read row by row, and written whole or not at all."""

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from apps.common.errors import DomainError
from apps.markets.errors import LineInvalidError
from apps.markets.models import Market
from apps.markets.networks import FIELDS, line_set, tie_set
from apps.sites.models import GridArea
from apps.sites.selectors import areas_fed_by, grid_areas_of_organization

MOST_BYTES: Final = 1024 * 1024
MOST_ROWS: Final = 5000
AREA: Final = "grid_area"
TIE_TO: Final = "tie_to"
TIE: Final = ("reactance_ohm", "limit_kw")
COLUMNS: Final = (AREA, TIE_TO, *FIELDS, "limit_kw")
MORE: Final = " more"  # no header can have it as it is
Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is wrong in a row; rows are counted from 1, a table's header is none."""

    row: int
    area: str
    said: str


class FileUnreadableError(LineInvalidError):
    """A file that is no table of lines and ties."""


def rows_of(*, content: bytes, name: str) -> list[Row]:
    """Read a file: CSV with a header, or JSON with a list of objects."""
    if len(content) > MOST_BYTES:
        raise FileUnreadableError(f"at most {MOST_BYTES} bytes at once")
    try:
        text = content.decode("utf-8-sig")
        rows = _from_json(text) if name.lower().endswith(".json") else _from_csv(text)
    except (UnicodeDecodeError, csv.Error, ValueError, RecursionError) as error:
        raise FileUnreadableError("the file cannot be read: CSV with a header, or JSON, in UTF-8") from error
    if not 0 < len(rows) <= MOST_ROWS:
        raise FileUnreadableError(f"a file has 1 to {MOST_ROWS} rows")
    return rows


def network_write(*, market: Market, rows: Sequence[Row], actor: str, now: datetime) -> list[Fault]:
    """Write lines and ties; where rows are wrong nothing is written, and each is told with its reason."""
    fed = areas_fed_by(area=market.grid_area)
    areas = list(grid_areas_of_organization(organization=market.organization).filter(pk__in=fed))
    faults = []
    with transaction.atomic():
        for number, row in enumerate(rows, start=1):
            try:
                with transaction.atomic():
                    _write(market, row, areas=areas, actor=actor, now=now)
            except DomainError as error:
                faults.append(Fault(number, str(row.get(AREA, "") or "")[:120], error.detail))
        if faults:
            transaction.set_rollback(True)
    return faults


def _write(market: Market, row: Row, *, areas: Sequence[GridArea], actor: str, now: datetime) -> None:
    unknown = [name for name in row if name not in COLUMNS]
    if MORE in unknown:
        raise LineInvalidError("it has more cells than the header")
    if unknown:
        raise LineInvalidError(f"there is no column {str(unknown[0])[:60]!r}")
    area = _area(row.get(AREA), areas)
    if _is_given(row.get(TIE_TO)):
        numbers = _numbers(row, TIE)
        tie_set(
            market=market, ends=(area, _area(row[TIE_TO], areas)), reactance_ohm=numbers.get("reactance_ohm", 0.0),
            limit_kw=numbers.get("limit_kw"), actor=actor, now=now,
        )  # fmt: skip
    else:
        line_set(market=market, grid_area=area, values=_numbers(row, FIELDS), actor=actor, now=now)


def _area(said: Any, areas: Sequence[GridArea]) -> GridArea:
    """An area by its name, or by its number where the name is none or not the only one."""
    text = str(said).strip() if _is_given(said) else ""
    named = [one for one in areas if one.name == text]
    if len(named) > 1:
        raise LineInvalidError(f"{len(named)} grid areas are called {text[:60]!r}; give its number")
    found = named or [one for one in areas if str(one.pk) == text]
    if not found:
        raise LineInvalidError(
            f"the market's grid area feeds no area {text[:60]!r}" if text else "no grid area"
        )
    return found[0]


def _numbers(row: Row, names: Sequence[str]) -> dict[str, Any]:
    """The numbers a row gives for these columns; one for another kind of row is a mistake."""
    given = {name for name in row if name not in (AREA, TIE_TO) and _is_given(row[name])}
    if wrong := sorted(given - set(names)):
        raise LineInvalidError(f"{wrong[0]} is not for {'ties' if names is TIE else 'lines'}")
    return {name: _number(name, row[name]) for name in names if name in given}


def _number(name: str, said: Any) -> float | int:
    if isinstance(said, bool):
        raise LineInvalidError(f"{name} is no number")
    try:
        value = float(said)
    except (TypeError, ValueError, OverflowError) as error:
        raise LineInvalidError(f"{name} is no number") from error
    return int(value) if name == "loss_permille" and value.is_integer() else value


def _is_given(said: Any) -> bool:
    return said is not None and str(said).strip() != ""


def _from_csv(text: str) -> list[Row]:
    table = csv.DictReader(io.StringIO(text), restkey=MORE, strict=True)
    table.fieldnames = [name.strip() for name in table.fieldnames or ()]
    if AREA not in table.fieldnames:
        raise FileUnreadableError(f"the header needs a column {AREA}")
    return list(table)


def _from_json(text: str) -> list[Row]:
    rows = json.loads(text)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FileUnreadableError("JSON is a list of objects here, one a line or tie")
    return rows
