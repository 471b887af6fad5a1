"""Who we are to push services (RFC 8292): one key pair of the installation, and a short-lived signed word for each service."""

import base64
import functools
import time
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.common.encryption import derived

PURPOSE: Final = b"ores-cloud web push key"
VALID_S: Final = 12 * 3600
# The order of the curve; a private key lies between 1 and one less.
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def private_key() -> EllipticCurvePrivateKey:
    """Return the key that is set, or the one that comes from SECRET_KEY."""
    return _key(settings.WEB_PUSH_PRIVATE_KEY, derived(PURPOSE))


@functools.lru_cache(maxsize=2)
def _key(text: str, fallback: bytes) -> EllipticCurvePrivateKey:
    if text:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if len(raw) != 32:
            raise ImproperlyConfigured("WEB_PUSH_PRIVATE_KEY is 32 bytes in base64url")
        return derive_private_key(int.from_bytes(raw), SECP256R1())
    return derive_private_key(int.from_bytes(fallback) % (_ORDER - 1) + 1, SECP256R1())


def public_key() -> str:
    """Return what browsers are given to subscribe with: the uncompressed point, base64url."""
    point = private_key().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def authorization(audience: str) -> str:
    """Return the header by which the push service at `audience` (scheme and host) knows us."""
    from jwcrypto.jwk import JWK
    from jwcrypto.jwt import JWT

    key = JWK.from_pyca(private_key())
    claims = {"aud": audience, "exp": int(time.time()) + VALID_S, "sub": settings.WEB_PUSH_CONTACT}
    token = JWT(header={"typ": "JWT", "alg": "ES256"}, claims=claims)
    token.make_signed_token(key)
    return f"vapid t={token.serialize()}, k={public_key()}"
