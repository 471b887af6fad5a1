"""Subscriptions to changes."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.openadr.errors import BodyError, ProgramUnknownError
from apps.openadr.models import ProgramObject, SubscriptionObject
from apps.openadr.notify.outbox import announce
from apps.openadr.notify.secrets import opened, sealed
from apps.openadr.notify.webhooks import callbacks_verify
from apps.openadr.selectors import Viewer, visible
from apps.openadr.services.shared import locked, revised
from apps.openadr.wire import kept, understood
from vpp.protocols.openadr3.subscription import SubscriptionRequest, decode_subscription


def subscription_create(*, viewer: Viewer, body: dict[str, Any], now: datetime) -> SubscriptionObject:
    """Store a subscription once each of its callbacks has shown that it wants to be called."""
    request = _request(body)
    _program(viewer, request)
    tokens = _tokens(request, held={})
    _verify(request, tokens)
    with transaction.atomic():
        made = SubscriptionObject.objects.create(
            organization=viewer.organization, client=viewer.client, client_key=viewer.client_key,
            program_object=_program(viewer, request), targets=list(request.targets or ()), tokens=sealed(tokens),
            content=_content(request, body), is_business_logic=viewer.is_business_logic,
            created_at=now, modified_at=now,
        )  # fmt: skip
        announce(made, "CREATE", now=now)
    return made


def subscription_replace(
    *, viewer: Viewer, object_id: str, if_match: str | None, body: dict[str, Any], now: datetime
) -> SubscriptionObject:
    """Take over a changed subscription, verified anew; one that was given up is sent to again."""
    request = _request(body)
    with transaction.atomic():
        held = locked(kind=SubscriptionObject, viewer=viewer, object_id=object_id, if_match=if_match)
    tokens = _tokens(request, held=opened(held.tokens))
    _verify(request, tokens)  # outside of any transaction: it may take seconds
    with transaction.atomic():
        found = locked(kind=SubscriptionObject, viewer=viewer, object_id=object_id, if_match=if_match)
        found.program_object, found.targets = _program(viewer, request), list(request.targets or ())
        found.content, found.tokens = _content(request, body), sealed(tokens)
        found.failures, found.broken_at = 0, None
        revised(found, now=now)
        found.save()
        announce(found, "UPDATE", now=now)
    return found


@transaction.atomic
def subscription_delete(
    *, viewer: Viewer, object_id: str, if_match: str | None, now: datetime
) -> SubscriptionObject:
    """Delete a subscription with what waits for it; the object returned is as it was."""
    found = locked(kind=SubscriptionObject, viewer=viewer, object_id=object_id, if_match=if_match)
    announce(found, "DELETE", now=now)
    SubscriptionObject.objects.filter(pk=found.pk).delete()
    return found


def _request(body: dict[str, Any]) -> SubscriptionRequest:
    """Read a subscription; one to reads is refused rather than kept and never told.

    3.1's schema lists READ beside the others, its text says that clients hear of what is created, updated or deleted.
    """
    request = understood(decode_subscription, body)
    if any("READ" in one.operations for one in request.object_operations):
        raise BodyError(
            "reads are told to nobody; subscribe to CREATE, UPDATE and DELETE", code="operation_not_told"
        )
    return request


def _program(viewer: Viewer, request: SubscriptionRequest) -> ProgramObject | None:
    if request.program_id is None:
        return None
    program = visible(kind=ProgramObject, viewer=viewer).filter(pk=request.program_id).first()
    if program is None:
        raise ProgramUnknownError(f"there is no program {request.program_id}")
    return program


def _tokens(request: SubscriptionRequest, *, held: dict[str, str]) -> dict[str, str]:
    """Return the token of each callback; one that is not sent again stays, since answers do not show it."""
    kept_ones = {one.callback_url: held.get(one.callback_url) for one in request.object_operations}
    sent = {one.callback_url: one.bearer_token for one in request.object_operations if one.bearer_token}
    return {url: token for url, token in {**kept_ones, **sent}.items() if token}


def _verify(request: SubscriptionRequest, tokens: dict[str, str]) -> None:
    urls = [one.callback_url for one in request.object_operations]
    callbacks_verify(callbacks=[(url, tokens.get(url)) for url in urls])


def _content(request: SubscriptionRequest, body: dict[str, Any]) -> dict[str, Any]:
    content = kept(request, body)
    operations = [
        {name: value for name, value in one.items() if name != "bearerToken"}
        for one in content["objectOperations"]
    ]
    return {**content, "objectOperations": operations}
