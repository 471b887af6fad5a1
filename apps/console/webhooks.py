"""What operators' pages of webhooks show and do."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q
from django.http import QueryDict

from apps.accounts.models import Organization
from apps.alerts.errors import WebhookInvalidError
from apps.alerts.models import EventKind, Webhook, WebhookDelivery
from apps.alerts.selectors import webhook_deliveries, webhook_of_organization, webhooks_of_organization
from apps.alerts.webhooks import Made, webhook_ping, webhook_redeliver, webhook_rotate, webhook_set

PAGE_SIZE: Final = 50
LONGEST_TEXT: Final = 200
MEANINGS: Final = {
    EventKind.SIGNAL_CREATED: "an event came in",
    EventKind.SIGNAL_CHANGED: "an event was changed",
    EventKind.SIGNAL_ENDED: "an event is over or canceled",
    EventKind.SITE_CREATED: "a site is new",
    EventKind.HUB_ONLINE: "a hub came",
    EventKind.HUB_OFFLINE: "a hub went",
    EventKind.SETTLEMENT_APPROVED: "a settlement run counts",
    EventKind.MARKET_CLEARED: "an interval of a market was cleared",
    EventKind.INCIDENT_OPENED: "an alert opened",
    EventKind.INCIDENT_CLEARED: "an alert ended",
}


@dataclasses.dataclass(frozen=True)
class KindChoice:
    """A kind of event that a form offers."""

    value: str
    text: str
    is_chosen: bool


@dataclasses.dataclass(frozen=True)
class WebhookPage:
    """A webhook with a page of what was sent; `before` leads to the next, None on the last."""

    webhook: Webhook
    deliveries: Sequence[WebhookDelivery]
    before: int | None


@dataclasses.dataclass(frozen=True)
class Done:
    """What a form did; `made` has a new secret where it asked for one."""

    said: str
    made: Made | None = None


def webhook_rows(*, organization: Organization) -> list[Webhook]:
    """Return the tenant's webhooks with how many calls wait and were given up."""
    state = WebhookDelivery.State
    found = webhooks_of_organization(organization=organization).annotate(
        waiting=Count("deliveries", filter=Q(deliveries__state=state.WAITING)),
        dead=Count("deliveries", filter=Q(deliveries__state=state.DEAD)),
    )
    return list(found)


def kind_choices(chosen: Sequence[str]) -> list[KindChoice]:
    """Return the kinds that a webhook can be called for."""
    return [KindChoice(kind.value, text, kind.value in chosen) for kind, text in MEANINGS.items()]


def sent(post: QueryDict) -> dict[str, Any]:
    """Return what a form says of a webhook."""
    description = post.get("description", "").strip()
    if len(description) > LONGEST_TEXT or "\x00" in description + post.get("url", ""):
        raise WebhookInvalidError(f"a description has at most {LONGEST_TEXT} characters")
    return {"url": post.get("url", "").strip(), "kinds": post.getlist("kinds"), "description": description}


def webhook_page(*, organization: Organization, webhook_id: UUID, before: int | None = None) -> WebhookPage:
    """Return a webhook with what was sent, the newest first."""
    webhook = webhook_of_organization(organization=organization, webhook_id=webhook_id)
    found = webhook_deliveries(organization=organization, webhook_id=webhook_id)
    rows = list((found if before is None else found.filter(pk__lt=before))[: PAGE_SIZE + 1])
    return WebhookPage(webhook, rows[:PAGE_SIZE], rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None)


def change(
    *, organization: Organization, webhook_id: UUID, post: QueryDict, actor: str, now: datetime
) -> Done:
    """Do what a form of the webhook's page asks for."""
    who: dict[str, Any] = {"organization": organization, "webhook_id": webhook_id, "actor": actor, "now": now}
    do = post.get("do", "save")
    if do == "rotate":
        made = webhook_rotate(**who)
        return Done("", made)
    if do == "test":
        webhook_ping(**who)
        return Done("It is called with a ping; what came of it is shown below in a moment.")
    if do == "again":
        webhook_redeliver(**who, delivery_id=number(post.get("delivery", "")) or 0)
        return Done("It is sent again.")
    if do in {"enable", "disable"}:
        webhook_set(**who, changes={"enabled": do == "enable"})
        return Done(
            "Enabled. What waited is sent now." if do == "enable" else "Disabled. What comes in waits."
        )
    webhook_set(**who, changes=sent(post))
    return Done("Saved.")


def number(text: str) -> int | None:
    """Return a number of an address or a form; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None
