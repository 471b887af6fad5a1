"""Signed roots: who keeps the log states its size, root and chain hash at a time. Ed25519 (RFC 8032)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vpp.ledger.canonical import canonical_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Root:
    """State of a log: its name, number of entries, root and chain hash, and when [ms since 1970, UTC]."""

    log: str
    size: int
    root: bytes
    chain: bytes
    at_ms: int

    @property
    def message(self) -> bytes:
        """What is signed: the canonical form, with hashes in hexadecimal."""
        return canonical_bytes(
            {
                "at_ms": self.at_ms,
                "chain": self.chain.hex(),
                "log": self.log,
                "root": self.root.hex(),
                "size": self.size,
                "type": "ledger_root_v1",
            }
        )


def sign_root(root: Root, *, key: "Ed25519PrivateKey") -> bytes:
    """Return the signature of a root, 64 bytes.

    Raises
    ------
    PayloadError
        For numbers or a name without a canonical form.
    """
    return key.sign(root.message)


def verify_root(root: Root, signature: bytes, *, key: "Ed25519PublicKey") -> bool:
    """Tell whether a signature of a root was made with the key."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, root.message)
    except InvalidSignature:
        return False
    return True
