"""The list of hubs: a page of it, with what each was told last, and how many are in each state."""

import dataclasses
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from apps.accounts.models import Organization
from apps.common.keyset import KeysetPage, keyset_page
from apps.console.selectors import hub_state
from apps.hubs.models import Hub
from apps.hubs.selectors import agent_versions, hubs_by_state, hubs_in_state, latest_instructions
from apps.sites.search import sites_searched

PAGE_SIZE: Final = 50
STATES: Final = {"online": "online", "offline": "offline", "new": "never seen", "revoked": "revoked"}


@dataclasses.dataclass(frozen=True)
class HubFilter:
    """What stands in the fields; a state that is none finds nothing."""

    name: str = ""
    state: str = ""
    version: str = ""

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> "HubFilter":
        return cls(
            **{name: sent.get(name, "").replace("\x00", "")[:120] for name in ("name", "state", "version")}
        )

    @property
    def query(self) -> str:
        """The filter as part of an address."""
        return urlencode({name: value for name, value in dataclasses.asdict(self).items() if value})


@dataclasses.dataclass(frozen=True)
class HubRow:
    hub: Hub
    state: str
    instruction_state: str
    instruction_reason: str


@dataclasses.dataclass(frozen=True)
class HubTable:
    """A page of hubs; `states` has for each its word and how many the tenant has of it, `at` where this page begins."""

    chosen: HubFilter
    states: list[tuple[str, str, int]]
    versions: list[str]
    page: KeysetPage[Hub]
    rows: list[HubRow]
    at: str


def hub_table(*, organization: Organization, chosen: HubFilter, cursor: str) -> HubTable:
    """Return one page of the tenant's hubs, in the order in which their homes came."""
    found = hubs_in_state(organization=organization, state=chosen.state, version=chosen.version)
    if chosen.name.strip():
        sites = sites_searched(organization=organization, name=chosen.name)
        found = found.filter(site__in=sites.order_by().values("pk"))
    page = keyset_page(found, order="site_id", cursor=cursor, size=PAGE_SIZE)
    counts = hubs_by_state(organization=organization)
    return HubTable(
        chosen=chosen,
        states=[(state, label, counts[state]) for state, label in STATES.items()],
        versions=agent_versions(organization=organization),
        page=page,
        rows=_rows(page.rows),
        at=cursor,
    )


def _rows(hubs: list[Hub]) -> list[HubRow]:
    newest = latest_instructions(hub_ids=[hub.pk for hub in hubs])
    return [
        HubRow(
            hub=hub,
            state=hub_state(hub),
            instruction_state=newest[hub.pk].state if hub.pk in newest else "",
            instruction_reason=newest[hub.pk].state_reason or newest[hub.pk].reason
            if hub.pk in newest
            else "",
        )
        for hub in hubs
    ]
