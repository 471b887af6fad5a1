"""Taking part in a market: joining, terms, limits, an owner's preferences."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.accounts.services import audit
from apps.common.errors import ConflictError
from apps.markets.errors import NotEligibleError, ParticipantInvalidError
from apps.markets.models import Account, Market, Participant, ParticipantSite, TermsAcceptance
from apps.markets.operators import GREATEST_PRICE, GREATEST_WH
from apps.sites.models import Site
from apps.sites.selectors import areas_fed_by

GREATEST_NANO: Final = 10**15
PREFERENCES: Final = (
    "automatic", "buy_limit_micro", "sell_limit_micro", "storage_value_micro", "prefers_green", "prefers_neighbors",
)  # fmt: skip
LIMITS: Final = ("position_limit_wh", "credit_limit_nano", "priority", "low_income", "state")


class ParticipantTakenError(ConflictError):
    code = "participant_taken"


@transaction.atomic
def participant_join(
    *, market: Market, name: str, kind: str, sites: Sequence[Site], actor: str, now: datetime, **limits: Any
) -> Participant:
    """Let somebody trade for homes of the market's grid area; terms have still to be accepted."""
    _check_eligible(market, kind=kind, sites=sites)
    one = Participant(market=market, name=name, kind=kind, joined_at=now, **limits)
    _check(one)
    try:
        with transaction.atomic():
            one.save(force_insert=True)
            ParticipantSite.objects.bulk_create(
                [ParticipantSite(participant=one, market=market, site=site) for site in sites]
            )
    except IntegrityError as error:
        raise ParticipantTakenError(
            "the name is taken, or one of these homes is traded for already"
        ) from error
    Account.objects.create(market=market, participant=one, kind=Account.Kind.PARTICIPANT)
    _note(one, "market_join", actor=actor, now=now, kind=kind, sites=[site.pk for site in sites])
    return one


@transaction.atomic
def terms_accept(
    *, participant: Participant, version: int, actor: str, now: datetime, user: User | None = None
) -> Participant:
    """Note that the market's present terms are accepted."""
    held = Participant.objects.select_for_update(of=("self",)).select_related("market").get(pk=participant.pk)
    market = held.market
    if version != market.terms_version:
        raise ConflictError(f"the terms are at version {market.terms_version}", code="terms_changed")
    if held.terms_version != version:
        TermsAcceptance.objects.create(
            participant=held, version=version, accepted_by=actor[:160], user=user, at=now,
            terms_hash=hashlib.sha256(market.terms.encode()).hexdigest(),
        )  # fmt: skip
        held.terms_version = version
        held.save(update_fields=["terms_version"])
    return held


@transaction.atomic
def participant_set(
    *, participant: Participant, changes: Mapping[str, Any], actor: str, now: datetime, own: bool = False
) -> Participant:
    """Change limits and preferences; with `own`, as a household may: its preferences alone."""
    held = Participant.objects.select_for_update(of=("self",)).select_related("market").get(pk=participant.pk)
    allowed = PREFERENCES if own else PREFERENCES + LIMITS
    unknown = set(changes) - set(allowed)
    if unknown:
        raise ParticipantInvalidError(f"{sorted(unknown)[0]} cannot be changed")
    for name, value in changes.items():
        setattr(held, name, value)
    _check(held)
    held.save()
    _note(held, "participant_set", actor=actor, now=now, **dict(changes))
    return held


def _check_eligible(market: Market, *, kind: str, sites: Sequence[Site]) -> None:
    if market.eligible_kinds and kind not in market.eligible_kinds:
        raise NotEligibleError(f"this market is not for the kind {kind}")
    if not sites:
        raise ParticipantInvalidError("a participant trades for at least one home")
    if len(sites) > 1 and kind != Participant.Kind.AGGREGATOR:
        raise NotEligibleError("only an aggregator trades for several homes")
    areas = areas_fed_by(area=market.grid_area)
    for site in sites:
        if site.organization_id != market.organization_id or site.grid_area_id not in areas:
            raise NotEligibleError("a home is not in the market's grid area")


def _check(one: Participant) -> None:
    prices = (one.buy_limit_micro, one.sell_limit_micro, one.storage_value_micro)
    rules = [
        (0 < len(one.name.strip()) <= 120, "a name of 1 to 120 characters is needed"),
        (one.kind in Participant.Kind.values, "no such kind of participant"),
        (one.state in Participant.State.values, "no such state"),
        (0 <= one.position_limit_wh <= GREATEST_WH, "position_limit_wh must be between 0 and 1,000,000,000"),
        (0 <= one.credit_limit_nano <= GREATEST_NANO, "credit_limit_nano must be between 0 and 10^15"),
        (0 <= one.priority <= 99, "priority must be between 0 and 99"),
        (all(abs(price) <= GREATEST_PRICE for price in prices), "a price is beyond 1000 per kWh"),
    ]
    said = [message for good, message in rules if not good]
    if said:
        raise ParticipantInvalidError(said[0])


def _note(one: Participant, action: str, *, actor: str, now: datetime, **detail: Any) -> None:
    audit(
        organization=one.market.organization, actor=actor, action=action, subject=f"participant {one.pk}", now=now,
        **detail,
    )  # fmt: skip
