"""What settlement refuses."""

from vpp.errors import VppError


class SettlementError(VppError):
    """Inputs that cannot be settled: shapes, infinities, negative prices."""

    code = "invalid_settlement"
