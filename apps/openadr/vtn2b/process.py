"""What the VTN answers to each message: reads and writes of the database, no socket."""

import dataclasses
import uuid
from datetime import datetime, timedelta
from typing import Protocol

from django.db import IntegrityError, transaction
from django.db.models import Q

from apps.accounts.models import Organization
from apps.openadr.models import Nonce2b, Ven2b
from apps.openadr.vtn2b import opts, payloads, reports, vens
from apps.openadr.vtn2b.distribution import distribution_take
from apps.openadr.vtn2b.payloads import Answer
from apps.openadr.vtn2b.selectors import events_digest, ven_of
from apps.openadr.wire2b import Message, SignatureError, Signed
from vpp.protocols.openadr2b import ven_messages as read
from vpp.protocols.openadr2b.event import Event2b
from vpp.protocols.openadr2b.vocabulary import (
    COMPLIANCE_ERROR,
    INVALID_ID,
    MESSAGES_OF_SERVICE,
    NOT_AUTHORIZED,
    OpenADR2bError,
)

EMPTY: Answer = ("", {})  # an empty body, for an oadrResponse of the VEN
WITHOUT_VEN = frozenset({"oadrQueryRegistration", "oadrCreatePartyRegistration"})


class Handler(Protocol):
    """What answers a kind of message of a VEN that is registered."""

    def __call__(self, message: Message, ven: Ven2b, *, now: datetime) -> Answer: ...


@dataclasses.dataclass(frozen=True)
class Identity:
    """One VTN: who it is and whose."""

    organization: Organization
    vtn_id: str
    poll: timedelta = timedelta(seconds=10)
    granularity: timedelta = timedelta(seconds=60)


class Process:
    """The VTN of one identity; it remembers nothing."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self._answers: dict[str, Handler] = {
            "oadrPoll": self._poll,
            "oadrRequestEvent": self._request_event,
            "oadrCreatedEvent": self._created_event,
            "oadrRegisterReport": self._register_report,
            "oadrCreatedReport": self._created_report,
            "oadrUpdateReport": self._update_report,
            "oadrCreateOpt": self._create_opt,
            "oadrCancelOpt": self._cancel_opt,
            "oadrCancelPartyRegistration": self._cancel_registration,
        }

    def ven(self, ven_id: str, peer: str) -> Ven2b | None:
        """Return a VEN that was let in and is at the other end."""
        found = ven_of(organization=self.identity.organization, vtn_id=self.identity.vtn_id, ven_id=ven_id)
        return found if found is not None and vens.is_peer(found, peer) else None

    def fingerprint(self, message: Message, peer: str) -> str:
        """Return the fingerprint of the certificate that must have signed a message: the VEN's, or the peer's."""
        if message.kind in WITHOUT_VEN:
            wish = read.read_registration(message.element)
            by = Q(ven_id=wish.ven_id) if wish.ven_id else Q(name=wish.ven_name)
            found = Ven2b.objects.filter(
                by, organization=self.identity.organization, vtn_id=self.identity.vtn_id
            ).first()
        else:
            found = self.ven(message.ven_id, peer)
        if found is not None and found.fingerprint:
            return found.fingerprint
        return peer.partition(" ")[0]

    def nonce_take(self, signed: Signed, *, window_s: float) -> None:
        """Take a signed message once; `SignatureError` at the second time."""
        Nonce2b.objects.filter(at__lt=signed.at - timedelta(seconds=2 * window_s)).delete()
        try:
            with transaction.atomic():
                Nonce2b.objects.create(vtn_id=self.identity.vtn_id, nonce=signed.nonce, at=signed.at)
        except IntegrityError as error:
            raise SignatureError("this message has been taken already") from error

    def answer(self, service: str, message: Message, *, peer: str, now: datetime) -> Answer:
        """Answer a message; whatever is wrong with it is a refusal in 2.0b's terms."""
        try:
            if message.kind not in MESSAGES_OF_SERVICE[service]:
                raise OpenADR2bError(
                    f"{message.kind} does not belong to {service}", response_code=COMPLIANCE_ERROR
                )
            if message.kind in WITHOUT_VEN:
                return self._registration(message, peer=peer, now=now)
            if message.kind not in self._answers:
                return EMPTY
            return self._known(message, peer=peer, now=now)
        except OpenADR2bError as error:
            return self._refusal(message, error.response_code, description=error.detail)

    def _known(self, message: Message, *, peer: str, now: datetime) -> Answer:
        ven = ven_of(
            organization=self.identity.organization, vtn_id=self.identity.vtn_id, ven_id=message.ven_id
        )
        if ven is None:
            raise OpenADR2bError("there is no such VEN here", response_code=INVALID_ID)
        if not vens.is_peer(ven, peer):
            raise OpenADR2bError("the certificate is not this VEN's", response_code=NOT_AUTHORIZED)
        if ven.registration_id is None:
            return "oadrRequestReregistration", {"ven_id": ven.ven_id}
        kind, payload = self._answers[message.kind](message, ven, now=now)
        return kind, {"response": payloads.response(message.request_id), **payload, "ven_id": ven.ven_id}

    def _refusal(self, message: Message, code: int, *, description: str) -> Answer:
        kind, payload = payloads.refusal(
            message.kind, request_id=message.request_id, code=code, description=description,
            poll=self.identity.poll, opt_id=message.text("ei:optID"),
        )  # fmt: skip
        return kind, {**payload, "vtn_id": self.identity.vtn_id, "ven_id": message.ven_id}

    def _registration(self, message: Message, *, peer: str, now: datetime) -> Answer:
        said = {"response": payloads.response(message.request_id), "vtn_id": self.identity.vtn_id}
        offer = payloads.party(self.identity.poll)
        if message.kind == "oadrQueryRegistration":
            return "oadrCreatedPartyRegistration", {**said, **offer}
        ven = vens.ven_register(
            organization=self.identity.organization, vtn_id=self.identity.vtn_id,
            wish=read.read_registration(message.element), peer=peer, now=now,
        )  # fmt: skip
        ids = {"ven_id": ven.ven_id, "registration_id": ven.registration_id}
        return "oadrCreatedPartyRegistration", {**said, **offer, **ids}

    def _cancel_registration(self, message: Message, ven: Ven2b, *, now: datetime) -> Answer:
        registration_id = message.text("ei:registrationID")
        vens.ven_deregister(ven=ven, registration_id=registration_id, now=now)
        return "oadrCanceledPartyRegistration", {"registration_id": registration_id}

    def _poll(self, message: Message, ven: Ven2b, *, now: datetime) -> Answer:
        digest = events_digest(organization=self.identity.organization, now=now)
        events = distribution_take(ven_pk=ven.pk, digest=digest, now=now)
        if events is None:
            return "oadrResponse", {"response": payloads.response("")}
        return self._distribution(events, ven, request_id=uuid.uuid4().hex, responding=False, now=now)

    def _request_event(self, message: Message, ven: Ven2b, *, now: datetime) -> Answer:
        digest = events_digest(organization=self.identity.organization, now=now)
        events = distribution_take(ven_pk=ven.pk, digest=digest, now=now, asked=True) or []
        return self._distribution(events, ven, request_id=message.request_id, responding=True, now=now)

    def _distribution(
        self, events: list[Event2b], ven: Ven2b, *, request_id: str, responding: bool, now: datetime
    ) -> Answer:
        opts.schedules_apply(ven_pk=ven.pk, event_ids=[one.event_id for one in events], now=now)
        kind, payload = payloads.distribution(
            events, ven_id=ven.ven_id, request_id=request_id, responding=responding
        )
        return kind, {**payload, "vtn_id": self.identity.vtn_id}

    def _created_event(self, message: Message, ven: Ven2b, *, now: datetime) -> Answer:
        _, responses = read.read_event_responses(message.element)
        opts.event_responses_note(ven=ven, responses=responses, now=now)
        return "oadrResponse", {}

    def _register_report(self, message: Message, ven: Ven2b, *, now: datetime) -> Answer:
        made = reports.reports_register(
            ven=ven,
            offers=read.read_report_offers(message.element),
            granularity=self.identity.granularity,
            now=now,
        )
        return payloads.report_requests(made, request_id=message.request_id)

    def _created_report(self, message: Message, ven: Ven2b, *, now: datetime) -> Answer:
        reports.reports_confirm(ven=ven, request_ids=read.read_pending_reports(message.element), now=now)
        return "oadrResponse", {}

    def _update_report(self, message: Message, ven: Ven2b, *, now: datetime) -> Answer:
        reports.reports_receive(ven=ven, updates=read.read_report_updates(message.element), now=now)
        return "oadrUpdatedReport", {}

    def _create_opt(self, message: Message, ven: Ven2b, *, now: datetime) -> Answer:
        opt = opts.opt_create(ven=ven, wish=read.read_opt(message.element), now=now)
        return "oadrCreatedOpt", {"opt_id": opt.opt_id}

    def _cancel_opt(self, message: Message, ven: Ven2b, *, now: datetime) -> Answer:
        opts.opt_cancel(ven=ven, opt_id=message.text("ei:optID"), now=now)
        return "oadrCanceledOpt", {"opt_id": message.text("ei:optID")}
