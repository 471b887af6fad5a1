"""Messages of OpenADR 2.0b to and from bytes: `openleadr`'s schema, templates and signatures, made safe.

What differs from the library: a document type is refused before anything is expanded; text is escaped when a
message is written (the library writes it as it is); identifiers stay text; a key is read once, not per message;
the nonce of a signed message is handed to the caller, who keeps it in the database.
"""

import dataclasses
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from openleadr import messaging, utils
from signxml.algorithms import SignatureConstructionMethod, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner

from vpp.intervals import format_duration
from vpp.protocols.openadr2b.vocabulary import NAMESPACES

CONTENT_TYPE = "application/xml"
_C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_SIGNED_OBJECT = f"{{{NAMESPACES['oadr']}}}oadrSignedObject"

# The library's templates are shared by everything in a process; they are set once, here.
messaging.TEMPLATES.autoescape = True
messaging.TEMPLATES.filters["timedeltaformat"] = lambda value: (
    value if isinstance(value, str) else format_duration(value)
)


class MalformedError(Exception):
    """Bytes that are no 2.0b message."""


class SignatureError(Exception):
    """A message that is not signed, or not by whom it should be, or too old."""


@dataclasses.dataclass(frozen=True)
class Message:
    """A message that follows the schema."""

    kind: str
    element: Any
    root: Any
    body: bytes

    def text(self, path: str) -> str:
        """Return the text at a path with prefixes, or an empty string."""
        return (self.element.findtext(path, "", NAMESPACES) or "").strip()

    @property
    def ven_id(self) -> str:
        """Return the VEN that sends it, or is meant (not one that a target inside names)."""
        paths = ("ei:venID", "pyld:eiCreatedEvent/ei:venID", "pyld:eiRequestEvent/ei:venID")
        return next((found for path in paths if (found := self.text(path))), "")

    @property
    def request_id(self) -> str:
        """Return the sender's request id."""
        return self.text(".//pyld:requestID")


@dataclasses.dataclass(frozen=True)
class Signed:
    """What a signature vouches for: the message, and the mark by which it is known again."""

    message: Message
    at: datetime
    nonce: str


def parse(body: bytes) -> Message:
    """Read a message; `MalformedError` for whatever is none."""
    parser = etree.XMLParser(
        schema=messaging.XML_SCHEMA, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedError(str(error)[:300] or "no XML") from None
    if root.getroottree().docinfo.doctype:
        raise MalformedError("a document type is not allowed")
    return _message(root, root.find(_SIGNED_OBJECT), body=body)


def _message(root: Any, signed_object: Any, *, body: bytes) -> Message:
    element = None if signed_object is None else signed_object.find("*")
    if element is None:
        raise MalformedError("there is no oadrSignedObject")
    return Message(etree.QName(element).localname, element, root, body)


def fingerprint_of_pem(pem: str) -> str:
    """Return a certificate's fingerprint as OpenADR prints it."""
    return str(utils.certificate_fingerprint(pem))


def fingerprint_of_der(der: bytes) -> str:
    """Return a certificate's fingerprint as OpenADR prints it."""
    return str(utils.certificate_fingerprint_from_der(der))


def signer_fingerprint(message: Message) -> str:
    """Return the fingerprint of the certificate that a message says it is signed by, or an empty string."""
    text = message.root.findtext(f".//{{{NAMESPACES['ds']}}}X509Certificate")
    if not text:
        return ""
    try:
        return fingerprint_of_pem(_pem(text))
    except ValueError:
        return ""


def verify(message: Message, *, fingerprint: str, now: datetime, window_s: float) -> Signed:
    """Check a message's signature; return what it covers (`SignatureError` otherwise)."""
    text = message.root.findtext(f".//{{{NAMESPACES['ds']}}}X509Certificate")
    if not text:
        raise SignatureError("the message is not signed")
    if not fingerprint or signer_fingerprint(message) != fingerprint:
        raise SignatureError("the message is signed by another certificate")
    try:
        results = messaging.VERIFIER.verify(message.root, x509_cert=_pem(text), expect_references=2)
    except (SignXMLException, ValueError, LookupError, TypeError, etree.LxmlError) as error:
        raise SignatureError("the signature does not fit the message") from error
    covered = [
        one.signed_xml
        for one in results
        if one.signed_xml is not None and one.signed_xml.tag == _SIGNED_OBJECT
    ]
    if len(covered) != 1:
        raise SignatureError("the signature does not cover the message")
    at, nonce = _replay_mark(message)
    if abs((now - at).total_seconds()) > window_s:
        raise SignatureError("the message was signed too long ago, or in the future")
    return Signed(_message(message.root, covered[0], body=message.body), at, nonce)


def _pem(text: str) -> str:
    lines = "\n".join(text.split())
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def _replay_mark(message: Message) -> tuple[datetime, str]:
    space = NAMESPACES["dsp"]
    at = messaging.utils.parse_datetime(message.root.findtext(f".//{{{space}}}timestamp") or "")
    nonce = message.root.findtext(f".//{{{space}}}nonce") or ""
    if not isinstance(at, datetime) or not 0 < len(nonce) <= 128:
        raise SignatureError("the signature has no ReplayProtect")
    return at, nonce


class Signer:
    """A certificate and its key, read once."""

    def __init__(self, *, certificate_pem: bytes, key_pem: bytes, passphrase: bytes | None = None) -> None:
        key = load_pem_private_key(key_pem, passphrase)
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise ValueError("OpenADR signs with EC or RSA keys only")
        self.certificate_pem = certificate_pem.decode()
        self.key = key
        self.algorithm = (
            SignatureMethod.RSA_SHA256 if isinstance(key, rsa.RSAPrivateKey) else SignatureMethod.ECDSA_SHA256
        )

    @classmethod
    def from_files(cls, certificate: Path, key: Path) -> "Signer":
        """Read PEM files."""
        return cls(certificate_pem=certificate.read_bytes(), key_pem=key.read_bytes())

    @property
    def is_rsa(self) -> bool:
        """Whether each message costs a tenth of a second."""
        return isinstance(self.key, rsa.RSAPrivateKey)

    def sign(self, message: str) -> str:
        """Return the message with its signature."""
        root = etree.fromstring(message.encode(), etree.XMLParser(resolve_entities=False))
        signed_object = etree.tostring(root.find(_SIGNED_OBJECT))
        signer = XMLSigner(method=SignatureConstructionMethod.detached, c14n_algorithm=_C14N)
        signer.namespaces["oadr"] = NAMESPACES["oadr"]
        signer.sign_alg = self.algorithm
        signature = signer.sign(
            etree.fromstring(signed_object),
            key=self.key,
            cert=self.certificate_pem,
            reference_uri="#oadrSignedObject",
            signature_properties=_replay_protect(),
        )
        envelope = messaging.TEMPLATES.get_template("oadrPayload.xml")
        return str(
            envelope.render(
                signature=etree.tostring(signature).decode(), signed_object=signed_object.decode()
            )
        )


def _replay_protect() -> Any:
    space = NAMESPACES["dsp"]
    mark = etree.Element(
        f"{{{space}}}ReplayProtect", attrib={"Id": "myid", "Target": "#mytarget"}, nsmap={"dsp": space}
    )
    etree.SubElement(mark, f"{{{space}}}timestamp").text = utils.datetimeformat(datetime.now(UTC))
    etree.SubElement(mark, f"{{{space}}}nonce").text = uuid.uuid4().hex
    return mark


# The library's template writes numbers only; a status is passed as this text and takes their place.
_STATUS = re.compile(
    r"<ei:payloadFloat>\s*<ei:value>status:(true|false):(true|false)</ei:value>\s*</ei:payloadFloat>"
)


def status_value(*, online: bool, overridden: bool) -> str:
    """Return the value of a report's interval that says a status instead of a number."""
    return f"status:{online}:{overridden}".lower()


def _status_payload(found: "re.Match[str]") -> str:
    online, overridden = found.groups()
    return (
        f"<oadr:oadrPayloadResourceStatus><oadr:oadrOnline>{online}</oadr:oadrOnline>"
        f"<oadr:oadrManualOverride>{overridden}</oadr:oadrManualOverride></oadr:oadrPayloadResourceStatus>"
    )


def compose(kind: str, payload: dict[str, Any], *, signer: Signer | None = None) -> str:
    """Write a message of a kind from the library's form of its content."""
    message = str(messaging.create_message(kind, disable_signature=True, **payload))
    if kind == "oadrUpdateReport":
        message = _STATUS.sub(_status_payload, message)
    return signer.sign(message) if signer is not None else message
