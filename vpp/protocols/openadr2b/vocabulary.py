"""The words of OpenADR 2.0b that the platform uses (profile specification 2.0b, schema oadr_20b.xsd)."""

from typing import Final

from vpp.errors import VppError

PROFILE: Final = "2.0b"
TRANSPORT: Final = "simpleHttp"

# Services and the messages that a VEN may send to each.
MESSAGES_OF_SERVICE: Final[dict[str, frozenset[str]]] = {
    "EiRegisterParty": frozenset(
        {
            "oadrQueryRegistration",
            "oadrCreatePartyRegistration",
            "oadrCancelPartyRegistration",
            "oadrCanceledPartyRegistration",
            "oadrResponse",
        }
    ),
    "OadrPoll": frozenset({"oadrPoll"}),
    "EiEvent": frozenset({"oadrRequestEvent", "oadrCreatedEvent"}),
    "EiReport": frozenset(
        {
            "oadrRegisterReport",
            "oadrRegisteredReport",
            "oadrCreatedReport",
            "oadrCanceledReport",
            "oadrUpdateReport",
        }
    ),
    "EiOpt": frozenset({"oadrCreateOpt", "oadrCancelOpt"}),
}

FAR, NEAR, ACTIVE, COMPLETED, CANCELED = "far", "near", "active", "completed", "cancelled"
OPT_IN, OPT_OUT = "optIn", "optOut"

OK: Final = 200
OUT_OF_SEQUENCE: Final = 450
INVALID_ID: Final = 452
NOT_RECOGNIZED: Final = 453
INVALID_DATA: Final = 454
COMPLIANCE_ERROR: Final = 459
SIGNAL_NOT_SUPPORTED: Final = 460
REPORT_NOT_SUPPORTED: Final = 461
NOT_AUTHORIZED: Final = 463

NAMESPACES: Final = {
    "oadr": "http://openadr.org/oadr-2.0b/2012/07",
    "ei": "http://docs.oasis-open.org/ns/energyinterop/201110",
    "pyld": "http://docs.oasis-open.org/ns/energyinterop/201110/payloads",
    "emix": "http://docs.oasis-open.org/ns/emix/2011/06",
    "power": "http://docs.oasis-open.org/ns/emix/2011/06/power",
    "scale": "http://docs.oasis-open.org/ns/emix/2011/06/siscale",
    "xcal": "urn:ietf:params:xml:ns:icalendar-2.0",
    "strm": "urn:ietf:params:xml:ns:icalendar-2.0:stream",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "dsp": "http://openadr.org/oadr-2.0b/2012/07/xmldsig-properties",
}

SCALES: Final = {"none": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "m": 1e-3, "c": 1e-2, "d": 1e-1, "micro": 1e-6}


class OpenADR2bError(VppError):
    """A message that 2.0b answers with a response code instead of what was asked for."""

    code = "openadr2b"

    def __init__(self, detail: str, *, response_code: int) -> None:
        super().__init__(detail)
        self.response_code = response_code
