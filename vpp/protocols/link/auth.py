"""What is signed when a hub registers and authenticates, and the claim code its owner types."""

import hashlib
from typing import Final

from vpp.errors import VppError

# Crockford's base 32: no I, L, O (read as 1, 1, 0) and no U.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CLAIM_CODE_LENGTH: Final = 10
CLAIM_CODE_RANDOM_BYTES: Final = 7
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": "", "\u2013": "", "\u2014": ""})
_MAX_TYPED: Final = 40


class ClaimCodeError(VppError):
    """Typed text that cannot be a claim code."""

    code = "claim_code_malformed"


def register_payload(public_key: str, claim_digest: str) -> bytes:
    """The bytes signed at registration; `public_key` is the base64 text that is sent."""
    return f"ores-register:{public_key}:{claim_digest}".encode()


def authenticate_payload(hub_id: str, challenge: str) -> bytes:
    """The bytes signed to answer a challenge."""
    return f"ores-authenticate:{hub_id}:{challenge}".encode()


def make_claim_code(random_bytes: bytes) -> str:
    """A claim code, shown as XXXXX-XXXXX, from at least 7 random bytes (50 bits are used)."""
    if len(random_bytes) < CLAIM_CODE_RANDOM_BYTES:
        raise ValueError(f"a claim code needs {CLAIM_CODE_RANDOM_BYTES} random bytes")
    number = int.from_bytes(random_bytes[:CLAIM_CODE_RANDOM_BYTES], "big")
    plain = "".join(ALPHABET[(number >> (5 * place)) & 31] for place in range(CLAIM_CODE_LENGTH))
    return format_claim_code(plain)


def format_claim_code(plain: str) -> str:
    """The ten characters as people see them."""
    return f"{plain[:5]}-{plain[5:]}"


def normalize_claim_code(typed: str) -> str:
    """The ten characters meant by what somebody typed: any case, O for 0, I or L for 1, dashes or not.

    Raises
    ------
    ClaimCodeError
        It cannot be a claim code, whatever was meant.
    """
    if len(typed) > _MAX_TYPED:
        raise ClaimCodeError("a claim code has ten characters")
    plain = typed.strip().upper().translate(_READ_AS)
    if len(plain) != CLAIM_CODE_LENGTH:
        raise ClaimCodeError("a claim code has ten characters")
    if any(character not in ALPHABET for character in plain):
        raise ClaimCodeError("a claim code has digits and letters only, without the letter U")
    return plain


def claim_digest(code: str) -> str:
    """SHA-256 (hex) of the code without its dash, as registered; accepts what `normalize_claim_code` does."""
    return hashlib.sha256(normalize_claim_code(code).encode()).hexdigest()
