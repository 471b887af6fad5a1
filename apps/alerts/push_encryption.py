"""Encryption of push messages for one browser: RFC 8291 on top of RFC 8188, one record, aes128gcm."""

import os
import struct
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD_BYTES: Final = 4096
SALT_BYTES: Final = 16
LAST_RECORD: Final = b"\x02"


def seal(
    content: bytes,
    *,
    p256dh: bytes,
    auth: bytes,
    key: EllipticCurvePrivateKey | None = None,
    salt: bytes = b"",
) -> bytes:
    """Return `content` as only the holder of `p256dh` and `auth` can read it; key and salt are fresh ones."""
    key, salt = key or generate_private_key(SECP256R1()), salt or os.urandom(SALT_BYTES)
    sender = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = key.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(SECP256R1(), p256dh))
    secret = _derived(shared, salt=auth, info=b"WebPush: info\x00" + p256dh + sender, length=32)
    cipher = AESGCM(_derived(secret, salt=salt, info=b"Content-Encoding: aes128gcm\x00", length=16))
    nonce = _derived(secret, salt=salt, info=b"Content-Encoding: nonce\x00", length=12)
    header = salt + struct.pack("!LB", RECORD_BYTES, len(sender)) + sender
    return header + cipher.encrypt(nonce, content + LAST_RECORD, None)


def _derived(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
