"""Answers of the VTN in the form that the library's templates take."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from apps.openadr.models import ReportRequest2b
from vpp.protocols.openadr2b.event import Event2b, Signal
from vpp.protocols.openadr2b.vocabulary import OK, PROFILE, SCALES, TRANSPORT

Payload = dict[str, Any]
Answer = tuple[str, Payload]

_SCALE_NAMES = {factor: name for name, factor in SCALES.items()}
_DESCRIPTIONS = {"powerReal": "RealPower", "energyReal": "RealEnergy", "currencyPerKWh": "currencyPerKWh"}
# What a request of a kind is answered with when it is refused; anything else with an oadrResponse.
_REFUSALS = {
    "oadrQueryRegistration": "oadrCreatedPartyRegistration",
    "oadrCreatePartyRegistration": "oadrCreatedPartyRegistration",
    "oadrRequestEvent": "oadrDistributeEvent",
    "oadrRegisterReport": "oadrRegisteredReport",
    "oadrUpdateReport": "oadrUpdatedReport",
    "oadrCreateOpt": "oadrCreatedOpt",
    "oadrCancelOpt": "oadrCanceledOpt",
}


def response(request_id: str, *, code: int = OK, description: str = "OK") -> Payload:
    """Return an eiResponse."""
    return {"response_code": code, "response_description": description[:200], "request_id": request_id}


def refusal(
    kind: str, *, request_id: str, code: int, description: str, poll: timedelta, opt_id: str
) -> Answer:
    """Return the answer that refuses a message."""
    answer = _REFUSALS.get(kind, "oadrResponse")
    said = {"response": response(request_id, code=code, description=description), "request_id": request_id}
    if answer == "oadrCreatedPartyRegistration":
        return answer, {**said, **party(poll)}
    extra: Payload = {
        "oadrDistributeEvent": {"events": []},
        "oadrRegisteredReport": {"report_requests": []},
    }.get(answer, {})
    return answer, {**said, **extra, "opt_id": opt_id} if answer.endswith("Opt") else {**said, **extra}


def party(poll: timedelta) -> Payload:
    """Return what the VTN offers."""
    transports = [{"transport_name": TRANSPORT}]
    return {
        "profiles": [{"profile_name": PROFILE, "transports": transports}],
        "requested_oadr_poll_freq": poll,
    }


def distribution(events: Sequence[Event2b], *, ven_id: str, request_id: str, responding: bool) -> Answer:
    """Return an oadrDistributeEvent with all the VEN's events."""
    payload: Payload = {"events": [_event(event, ven_id) for event in events], "request_id": request_id}
    if responding:
        payload["response"] = response(request_id)
    return "oadrDistributeEvent", payload


def _event(event: Event2b, ven_id: str) -> Payload:
    return {
        "event_descriptor": {
            "event_id": event.event_id,
            "modification_number": event.modification_number,
            "priority": event.priority,
            "market_context": event.market_context,
            "created_date_time": event.created_at,
            "event_status": event.status,
        },
        "active_period": {"dtstart": event.starts_at, "duration": event.length},
        "event_signals": [_signal(signal, event) for signal in event.signals],
        "targets": [{"ven_id": ven_id}],
        "response_required": "always" if event.response_required else "never",
    }


def _signal(signal: Signal, event: Event2b) -> Payload:
    made: Payload = {
        "signal_name": signal.name,
        "signal_type": signal.type,
        "signal_id": signal.id,
        "intervals": [{"duration": one.length, "signal_payload": one.value} for one in signal.intervals],
    }
    if signal.name == "SIMPLE" and event.status != "active":
        made["current_value"] = 0.0
    if signal.measure:
        made["measurement"] = measurement(
            signal.measure, signal.unit, scale=_SCALE_NAMES.get(signal.factor, "none")
        )
    return made


def measurement(name: str, unit: str, *, scale: str) -> Payload:
    """Return what is measured."""
    made: Payload = {"name": name, "description": _DESCRIPTIONS[name], "unit": unit, "scale": scale}
    if name == "powerReal":
        made["power_attributes"] = {"hertz": 50, "voltage": 230, "ac": True}
    return made


def report_requests(requests: Sequence[ReportRequest2b], *, request_id: str) -> Answer:
    """Return an oadrRegisteredReport that asks for reports."""
    return "oadrRegisteredReport", {
        "response": response(request_id),
        "report_requests": [
            {
                "report_request_id": one.request_id,
                "report_specifier": {
                    "report_specifier_id": one.specifier_id,
                    "granularity": timedelta(seconds=one.granularity_s),
                    "report_back_duration": timedelta(seconds=one.back_s),
                    "specifier_payloads": [
                        {"r_id": r_id, "reading_type": point["reading_type"]}
                        for r_id, point in one.points.items()
                    ],
                },
            }
            for one in requests
        ],
    }
