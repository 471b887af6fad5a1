"""What settlement refuses."""

from vpp.errors import VppError


class SettlementError(VppError):
    """Inputs that cannot be settled: shapes, infinities, negative prices."""

    code = "invalid_settlement"


class RuleError(SettlementError):
    """A payment rule without sense; the sentence begins with the field."""

    code = "invalid_payment_rule"


class RunError(SettlementError):
    """A settlement run that may not follow the one before."""

    code = "illegal_settlement_run"
