"""What operators do of contracts between participants, and see of who is paid on a chain."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Count

from apps.accounts.models import User
from apps.console.markets import MICRO, check_operator, participant_of
from apps.markets.contracts import contract_end, contract_propose, contracts_of_organization
from apps.markets.errors import ContractInvalidError, ContractUnknownError
from apps.markets.models import ChainEscrow, ChainParty, ChainTrade, Contract, Market, Participant
from apps.markets.operators import reason_checked
from apps.markets.rules import PEER_TO_PEER
from apps.markets.selectors import participants_of_organization

NEWEST: Final = 100
KWH: Final = Decimal(1000)


@dataclasses.dataclass(frozen=True)
class ContractsPage:
    """The contracts of a market, and who may have one."""

    market: Market
    contracts: list[Contract]
    participants: list[Participant]
    has_contracts: bool


@dataclasses.dataclass(frozen=True)
class ChainPage:
    """Who of a market is paid by which address, and how far deposits and payments are."""

    market: Market
    parties: list[ChainParty]
    escrows: list[tuple[str, int]]
    trades: list[tuple[str, int]]


def contracts_page(*, market: Market) -> ContractsPage:
    """Put the page of contracts together."""
    found = contracts_of_organization(organization=market.organization).filter(market=market)
    people = participants_of_organization(organization=market.organization).filter(market=market)
    return ContractsPage(market, list(found[:NEWEST]), list(people), market.mechanism == PEER_TO_PEER)


def propose(
    *, user: User, market: Market, sent: Mapping[str, str], zone: ZoneInfo, now: datetime
) -> Contract:
    """Propose a contract for its buyer; the seller agrees to it in the portal or by REST."""
    check_operator(user, market)
    buyer, seller = (_participant(market, sent.get(name, "")) for name in ("buyer", "seller"))
    return contract_propose(
        by=buyer, buyer=buyer, seller=seller, price_micro=_number(sent.get("price", ""), times=MICRO),
        energy_wh=_number(sent.get("kwh", ""), times=KWH),
        period=(_instant(sent.get("starts", ""), zone), _instant(sent.get("ends", ""), zone)), actor=user.email, now=now,
    )  # fmt: skip


def end(*, user: User, market: Market, sent: Mapping[str, str], now: datetime) -> Contract:
    """End one of the market's contracts, or take a proposal back, for a reason."""
    check_operator(user, market)
    text = sent.get("contract", "")
    found = contracts_of_organization(organization=market.organization).filter(market=market)
    held = found.filter(pk=_whole(text)).first()
    if held is None:
        raise ContractUnknownError("no such contract")
    reason = reason_checked(sent.get("reason", ""))
    return contract_end(contract=held, actor=user.email, now=now, reason=reason)


def chain_page(*, market: Market) -> ChainPage:
    """Put the page of the chain together."""
    parties = ChainParty.objects.filter(participant__market=market).select_related("participant")
    escrows = ChainEscrow.objects.filter(order__market=market).order_by().values_list("state")
    trades = ChainTrade.objects.filter(run__market=market).order_by().values_list("state")
    return ChainPage(
        market,
        list(parties.order_by("participant__name")),
        sorted(escrows.annotate(Count("pk"))),
        sorted(trades.annotate(Count("pk"))),
    )


def _participant(market: Market, text: str) -> Participant:
    found = participant_of(market=market, participant_id=_whole(text))
    if found is None:
        raise ContractInvalidError("choose a buyer and a seller of this market")
    return found


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _number(text: str, *, times: Decimal) -> int:
    try:
        value = Decimal(text.strip().replace(",", ".")) * times
    except InvalidOperation as error:
        raise ContractInvalidError("price and energy are numbers") from error
    if not value.is_finite() or abs(value) >= 2**62 or value % 1:
        raise ContractInvalidError("a price has at most six decimals, an energy three")
    return int(value)


def _instant(text: str, zone: ZoneInfo) -> datetime:
    """Read a local time of the tenant."""
    try:
        said = datetime.fromisoformat(text.strip())
        return (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ContractInvalidError("say from when until when it holds") from error
