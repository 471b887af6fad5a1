"""What a household agrees on with a neighbor on its market, and by which address of a chain it is paid."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.markets.chain.parties import chain_join, chain_leave
from apps.markets.contracts import contract_agree, contract_end, contract_propose, contracts_of_participant
from apps.markets.errors import ContractInvalidError, ContractUnknownError
from apps.markets.models import ChainParty, Contract, Participant
from apps.markets.rules import PEER_TO_PEER
from apps.markets.selectors import participant_named, party_of
from apps.portal.market import KWH, MICRO, SIDES, check_owner, number
from apps.sites.models import Site

NEWEST = 20


@dataclasses.dataclass(frozen=True)
class ContractRow:
    """A contract as one of its two sides reads it."""

    contract: Contract
    buys: bool
    other: str
    is_mine: bool
    may_agree: bool
    may_end: bool
    is_over: bool


@dataclasses.dataclass(frozen=True)
class Agreements:
    """What the page shows: own contracts where the market has them, and the address where it pays on a chain."""

    has_contracts: bool
    contracts: list[ContractRow]
    on_chain: bool
    party: ChainParty | None


def agreements_of(*, participant: Participant, now: datetime) -> Agreements:
    """Return a home's agreements; of other homes it says nothing but the names of those it deals with."""
    found = contracts_of_participant(participant=participant)[:NEWEST]
    rows = [_row(one, participant, now=now) for one in found]
    market = participant.market
    party = party_of(participant=participant)
    return Agreements(
        market.mechanism == PEER_TO_PEER or bool(rows), rows, market.on_chain or party is not None, party
    )


def propose(
    *,
    user: User,
    site: Site,
    participant: Participant,
    sent: Mapping[str, str],
    now: datetime,
) -> Contract:
    """Propose a contract to the neighbor of a name; the same once more is the one that waits already."""
    check_owner(user, site)
    if sent.get("side") not in SIDES:
        raise ContractInvalidError(_("choose whether to buy or to sell"))
    other = participant_named(market=participant.market, name=sent.get("neighbor", "").strip())
    if other is None:
        raise ContractInvalidError(_("nobody on this market has this name; ask your neighbor for it"))
    buyer, seller = (participant, other) if sent["side"] == "bid" else (other, participant)
    zone = ZoneInfo(site.time_zone)
    period = (_instant(sent.get("starts", ""), zone), _instant(sent.get("ends", ""), zone))
    price = number(sent.get("price", ""), times=MICRO)
    energy = number(sent.get("kwh", ""), times=KWH)
    waiting = contracts_of_participant(participant=participant).filter(
        buyer=buyer, seller=seller, price_micro=price, energy_wh=energy, starts_at=period[0], ends_at=period[1],
        state=Contract.State.PROPOSED, proposed_by=participant,
    )  # fmt: skip
    return waiting.first() or contract_propose(
        by=participant, buyer=buyer, seller=seller, price_micro=price, energy_wh=energy, period=period,
        actor=user.email, now=now,
    )  # fmt: skip


def agree(*, user: User, site: Site, participant: Participant, contract_id: int, now: datetime) -> Contract:
    """Accept what a neighbor has proposed."""
    check_owner(user, site)
    held = _own(participant, contract_id)
    return contract_agree(contract=held, by=participant, actor=user.email, now=now)


def end(*, user: User, site: Site, participant: Participant, contract_id: int, now: datetime) -> Contract:
    """Decline a proposal, take an own one back, or end a contract."""
    check_owner(user, site)
    return contract_end(contract=_own(participant, contract_id), actor=user.email, now=now)


def address_set(
    *, user: User, site: Site, participant: Participant, address: str, now: datetime
) -> ChainParty:
    """Have the home paid by an address."""
    check_owner(user, site)
    return chain_join(participant=participant, address=address.strip(), actor=user.email, now=now)


def address_forget(*, user: User, site: Site, participant: Participant, now: datetime) -> bool:
    """Have the home paid by its account again."""
    check_owner(user, site)
    return chain_leave(participant=participant, actor=user.email, now=now)


def _row(one: Contract, participant: Participant, *, now: datetime) -> ContractRow:
    buys = one.buyer_id == participant.pk
    mine, over = one.proposed_by_id == participant.pk, one.ends_at <= now
    proposed, ended = one.state == Contract.State.PROPOSED, one.state == Contract.State.ENDED
    other = one.seller if buys else one.buyer
    return ContractRow(
        one,
        buys,
        other.name,
        mine,
        may_agree=proposed and not mine and not over,
        may_end=not ended and not over,
        is_over=over,
    )


def _own(participant: Participant, contract_id: int) -> Contract:
    found = contracts_of_participant(participant=participant).filter(pk=contract_id).first()
    if found is None:
        raise ContractUnknownError("no such contract")
    return found


def _instant(text: str, zone: ZoneInfo) -> datetime:
    """Read a local time of the home."""
    try:
        said = datetime.fromisoformat(text.strip())
        return (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ContractInvalidError(_("say from when until when it holds")) from error
