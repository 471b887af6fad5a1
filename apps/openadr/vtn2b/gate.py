"""Who is at the other end: the certificate of the connection, or of a proxy that was named."""

import dataclasses
import hmac
import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from apps.openadr.wire2b import fingerprint_of_der

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Via")
SECRET_HEADER = "X-Proxy-Secret"  # noqa: S105 - the header's name


class RefusedError(Exception):
    """A request that is not listened to."""


class GateError(Exception):
    """Options that leave open who is at the other end."""


@dataclasses.dataclass(frozen=True)
class Gate:
    """How a VEN's certificate is known: from TLS that ends here, from a proxy's header, or (loopback) not at all."""

    tls: bool
    proxy_header: str = ""
    proxy_secret: str = ""

    def peer(self, headers: Mapping[str, str], ssl_object: Any) -> str:
        """Return "fingerprint CN" of the certificate at the other end; empty without one where that is allowed."""
        if self.proxy_header:
            return self._from_proxy(headers)
        if any(name in headers for name in FORWARDED):
            raise RefusedError(
                "the request came through a proxy that this VTN knows nothing of; TLS must end here, or start it with "
                "--behind-proxy and --client-cert-header"
            )
        if not self.tls:
            return ""
        der = ssl_object.getpeercert(binary_form=True) if ssl_object is not None else None
        if not der:
            raise RefusedError("a client certificate is needed")
        return peer_of(der)

    def _from_proxy(self, headers: Mapping[str, str]) -> str:
        said = headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(said.encode(), self.proxy_secret.encode()):
            raise RefusedError("the proxy did not say the secret")
        value = headers.get(self.proxy_header, "")
        if not value:
            raise RefusedError("a client certificate is needed")
        if "BEGIN" not in value:
            return value.strip().upper()
        try:
            certificate = x509.load_pem_x509_certificate(unquote(value).encode())
        except ValueError:
            raise RefusedError("the proxy's header holds no certificate") from None
        return peer_of(certificate.public_bytes(Encoding.DER))


def peer_of(der: bytes) -> str:
    """Return "fingerprint CN" of a certificate."""
    names = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = names[0].value if names else ""
    return f"{fingerprint_of_der(der)} {name if isinstance(name, str) else ''}".strip()


def gate_for(
    *, host: str, tls: bool, behind_proxy: bool, proxy_header: str, proxy_secret: str, plain_allowed: bool
) -> Gate:
    """Return the gate for the options; `GateError` where they would let anybody be any VEN."""
    if behind_proxy:
        if not (proxy_header and proxy_secret):
            raise GateError(
                "behind a proxy that ends TLS this VTN must know who is there: name the header that carries the client's "
                "certificate (--client-cert-header) and a secret that only the proxy knows (OPENADR2B_PROXY_SECRET)"
            )
        return Gate(tls=tls, proxy_header=proxy_header, proxy_secret=proxy_secret)
    if not tls and not _is_loopback(host) and not plain_allowed:
        raise GateError(
            f"plain HTTP on {host} would let anybody be any VEN: give --cert, --key and --ca, or --behind-proxy, or "
            "say --allow-plain-http"
        )
    return Gate(tls=tls)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
