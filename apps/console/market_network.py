"""A market's feeder as operators see and change it: lines, ties, files of them, and the newest prices at its nodes."""

import dataclasses
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from apps.accounts.models import User
from apps.console.market_map import NodalMap, nodal_map
from apps.console.markets import check_operator
from apps.markets.models import AreaLine, AreaTie, ClearingRun, Market
from apps.markets.network_files import (
    COLUMNS,
    MOST_BYTES,
    Fault,
    FileUnreadableError,
    network_write,
    rows_of,
)
from apps.markets.networks import feeder_of, tie_remove, ties_of
from apps.markets.rules import is_network
from apps.markets.selectors import lines_of_market, nodes_of_run, runs_of_organization
from apps.sites.models import GridArea


@dataclasses.dataclass(frozen=True)
class NetworkRow:
    """A grid area, how deep it lies below the market's, the one that feeds it, and its line where one is known."""

    area: GridArea
    depth: int
    fed_by: str
    line: AreaLine | None


@dataclasses.dataclass(frozen=True)
class NetworkPage:
    """The feeder; `map` has the nodes of the newest run that knows any."""

    market: Market
    is_used: bool
    rows: list[NetworkRow]
    ties: list[AreaTie]
    columns: tuple[str, ...]
    run: ClearingRun | None
    map: NodalMap | None


def network_page(*, market: Market) -> NetworkPage:
    """Put the page together."""
    lines = {one.grid_area_id: one for one in lines_of_market(market=market)}
    rows: list[NetworkRow] = []
    for area, parent in feeder_of(market=market):
        above = rows[parent] if parent >= 0 else None
        depth, fed_by = (above.depth + 1, above.area.name) if above else (0, "")
        rows.append(NetworkRow(area, depth, fed_by, lines.get(area.pk)))
    runs = runs_of_organization(organization=market.organization)
    run = runs.filter(market=market, nodes__isnull=False, state=ClearingRun.State.DONE).first()
    drawn = nodal_map(nodes=list(nodes_of_run(run=run)), account_nano=run.account_nano) if run else None
    return NetworkPage(market, is_network(market), rows, list(ties_of(market=market)), COLUMNS, run, drawn)


def upload(
    *, user: User, market: Market, file: "UploadedFile[Any] | None", now: datetime
) -> tuple[int, list[Fault]]:
    """Write a file's lines and ties; return how many rows it has, and what is wrong in them."""
    check_operator(user, market)
    if file is None:
        raise FileUnreadableError("choose a file")
    if (file.size or 0) > MOST_BYTES:
        raise FileUnreadableError(f"at most {MOST_BYTES} bytes at once")
    rows = rows_of(content=file.read(), name=file.name or "")
    return len(rows), network_write(market=market, rows=rows, actor=user.email, now=now)


def remove_tie(*, user: User, market: Market, tie_id: int, now: datetime) -> None:
    """Take a tie away."""
    check_operator(user, market)
    tie_remove(market=market, tie_id=tie_id, actor=user.email, now=now)
