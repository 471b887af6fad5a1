"""What the ledger refuses."""

from vpp.errors import VppError


class LedgerError(VppError):
    """The root of what `vpp.ledger` refuses."""

    code = "ledger_error"


class PayloadError(LedgerError):
    """A payload without one canonical form."""

    code = "ledger_payload_invalid"


class SaltError(LedgerError):
    """A salt that is too short to hide a payload."""

    code = "ledger_salt_invalid"


class ProofError(LedgerError):
    """A proof that was asked for about entries that are not there."""

    code = "ledger_proof_out_of_range"
