"""What operators do with markets: define them, change them, stop and start them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.common.errors import ConflictError
from apps.markets.books import accounts_open
from apps.markets.errors import MarketInvalidError, ReasonMissingError
from apps.markets.models import Market, Order, Participant
from apps.markets.periods import DAY_S
from apps.markets.rules import BLOCKS, LIFELINES, takes_one_order
from apps.markets.telling import terms_tell
from apps.sites.models import GridArea

SUITABLE: Final = (
    "uniform_price", "pay_as_bid", "muda", "muda_lottery", "peer_to_peer", "continuous", "low_income_first", "huang", "mcafee",
    "network", "dc_network", "losses", "reserve", "blocks",
)  # fmt: skip
# What can be exact in 64 bits with room for sums.
GREATEST_PRICE: Final = 1_000_000_000
GREATEST_WH: Final = 1_000_000_000
GREATEST_CARBON: Final = 5_000
CHANGEABLE: Final = (
    "name", "mechanism", "gate_closure_s", "opens_s", "least_price_micro", "most_price_micro", "most_order_wh",
    "buyer_fee_micro", "seller_fee_micro", "short_price_micro", "long_price_micro", "import_tariff_micro",
    "export_tariff_micro", "eligible_kinds", "terms", "price_program", "carbon_g_per_kwh", "carbon_source",
    "nominal_v", "reserve_up_wh", "reserve_down_wh", "on_chain", "session_intervals", "loss_permille",
    "sacrifice_permille", "lifeline_wh", "lifeline_price_micro", "lifeline_levy_permille",
)  # fmt: skip
PRICES: Final = tuple(name for name in CHANGEABLE if name.endswith("_micro"))


class MarketNameTakenError(ConflictError):
    code = "market_name_taken"


@transaction.atomic
def market_create(
    *, organization: Organization, grid_area: GridArea, name: str, actor: str, now: datetime, **rules: Any
) -> Market:
    """Define a market for a grid area."""
    if grid_area.organization_id != organization.pk:
        raise MarketInvalidError("no such grid area")
    market = Market(organization=organization, grid_area=grid_area, name=name, created_at=now, **rules)
    _check(market)
    _save(market)
    accounts_open(market=market)
    _note(market, "market_create", actor=actor, now=now, name=name, mechanism=market.mechanism)
    return market


@transaction.atomic
def market_set(*, market: Market, changes: Mapping[str, Any], actor: str, now: datetime) -> Market:
    """Change a market's rules; new terms are a new version that everybody has to accept."""
    held = (
        Market.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organization")
        .get(pk=market.pk)
    )
    unknown = set(changes) - set(CHANGEABLE)
    if unknown:
        raise MarketInvalidError(f"{sorted(unknown)[0]} cannot be changed")
    has_new_terms = changes.get("terms", held.terms) != held.terms
    held.terms_version += has_new_terms
    before = (held.mechanism, held.most_order_wh, held.session_intervals)
    for name, value in changes.items():
        setattr(held, name, value)
    _check(held)
    _check_open_orders(held, before=before)
    _save(held)
    accounts_open(market=held)  # a mechanism may need accounts that an old market does not have
    said = {name: str(value)[:200] for name, value in changes.items()}
    _note(held, "market_set", actor=actor, now=now, **said)
    if has_new_terms:
        terms_tell(market=held, now=now)
    return held


@transaction.atomic
def market_pause(*, market: Market, reason: str, actor: str, now: datetime) -> Market:
    """Take no orders and clear nothing until it is resumed; orders whose delivery begins meanwhile expire."""
    return _set_state(market, Market.State.PAUSED, reason=reason, actor=actor, now=now)


@transaction.atomic
def market_resume(*, market: Market, reason: str, actor: str, now: datetime) -> Market:
    """Open a paused market again."""
    return _set_state(market, Market.State.OPEN, reason=reason, actor=actor, now=now)


def reason_checked(reason: str) -> str:
    """Return a reason that is one."""
    said = reason.strip()
    if not said or len(said) > 200:
        raise ReasonMissingError("a reason of 1 to 200 characters is needed")
    return said


def _set_state(market: Market, state: str, *, reason: str, actor: str, now: datetime) -> Market:
    said = reason_checked(reason)
    held = (
        Market.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organization")
        .get(pk=market.pk)
    )
    if held.state == state:
        raise ConflictError(f"the market is {state} already", code=f"market_{state}_already")
    held.state, held.state_reason = state, said
    held.save(update_fields=["state", "state_reason"])
    _note(
        held,
        f"market_{'pause' if state == Market.State.PAUSED else 'resume'}",
        actor=actor,
        now=now,
        reason=said,
    )
    return held


def _check(market: Market) -> None:
    if market.mechanism not in SUITABLE:
        raise MarketInvalidError(f"mechanism must be one of {', '.join(SUITABLE)}")
    said = [message for good, message in _rules(market) if not good]
    if said:
        raise MarketInvalidError(said[0])


def _check_open_orders(market: Market, *, before: tuple[str, int, int]) -> None:
    """What was ordered under one rule must not meet a stricter one, nor another session."""
    changed = before[:2] != (market.mechanism, market.most_order_wh) and takes_one_order(market)
    if (changed or before[2] != market.session_intervals) and market.orders.filter(
        state=Order.State.OPEN
    ).exists():
        raise MarketInvalidError(f"orders are open; {market.mechanism} takes over only where none are")


def _rules(market: Market) -> list[tuple[bool, str]]:
    kinds = set(Participant.Kind.values)
    program = market.price_program
    return [
        (0 < len(market.name.strip()) <= 120, "a name of 1 to 120 characters is needed"),
        (bool(re.fullmatch("[A-Z]{3}", market.currency)), "currency is three letters such as EUR"),
        (
            market.interval_s > 0 and DAY_S % market.interval_s == 0 and market.interval_s % 60 == 0,
            "interval_s must be whole minutes that make up a day",
        ),
        (
            0 < market.session_intervals <= 96 and DAY_S % max(1, market.interval_s * market.session_intervals) == 0,
            "session_intervals must be 1 to 96 that make up a day or an even part of it",
        ),
        (0 <= market.loss_permille < 1000, "loss_permille must be between 0 and 999"),
        (0 <= market.sacrifice_permille <= 1000, "sacrifice_permille must be between 0 and 1000"),
        (0 <= market.lifeline_wh <= GREATEST_WH, "lifeline_wh must be between 0 and 1,000,000,000"),
        (0 <= market.lifeline_levy_permille <= 1000, "lifeline_levy_permille must be between 0 and 1000"),
        (not market.lifeline_wh or market.mechanism in LIFELINES, f"a lifeline is laid over {' or '.join(LIFELINES)} only"),
        (market.session_intervals == 1 or market.mechanism == BLOCKS, "several intervals are cleared together with blocks only"),
        (0 <= market.gate_closure_s <= DAY_S * 7, "gate_closure_s must be between 0 and 7 days"),
        (0 <= market.reserve_up_wh <= GREATEST_WH, "reserve_up_wh must be between 0 and 1,000,000,000"),
        (0 <= market.reserve_down_wh <= GREATEST_WH, "reserve_down_wh must be between 0 and 1,000,000,000"),
        (100 <= market.nominal_v <= 100_000, "nominal_v must be between 100 and 100,000"),
        (market.gate_closure_s < market.opens_s <= DAY_S * 31, "opens_s must lie between gate closure and 31 days"),
        (market.least_price_micro <= market.most_price_micro, "the least price is above the most"),
        (all(abs(getattr(market, name)) <= GREATEST_PRICE for name in PRICES), "a price is beyond 1000 per kWh"),
        (0 < market.most_order_wh <= GREATEST_WH, "most_order_wh must be between 1 and 1,000,000,000"),
        (min(market.buyer_fee_micro, market.seller_fee_micro) >= 0, "a fee is not below zero"),
        (market.short_price_micro >= market.long_price_micro, "being short must cost at least what being long earns"),
        (set(market.eligible_kinds) <= kinds, f"eligible_kinds may name {', '.join(sorted(kinds))}"),
        (market.carbon_g_per_kwh is None or 0 <= market.carbon_g_per_kwh <= GREATEST_CARBON, "carbon_g_per_kwh is at most 5000"),
        (
            market.carbon_g_per_kwh is None or bool(market.carbon_source.strip()),
            "say where carbon_g_per_kwh is from in carbon_source",
        ),
        (program is None or program.organization_id == market.organization_id, "no such program"),
    ]  # fmt: skip


def _save(market: Market) -> None:
    try:
        with transaction.atomic():
            market.save()
    except IntegrityError as error:
        raise MarketNameTakenError("there is a market of this name") from error


def _note(market: Market, action: str, *, actor: str, now: datetime, **detail: Any) -> None:
    audit(
        organization=market.organization,
        actor=actor,
        action=action,
        subject=f"market {market.pk}",
        now=now,
        **detail,
    )
