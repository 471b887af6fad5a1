"""What a detector tells: of what, since when, how sure, how bad, from which numbers, and what to do."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from vpp.diagnostics.checks import DiagnosticsError

Kind = Literal[
    "pv_degradation",
    "soiling",
    "failing_string",
    "string_below_last_year",
    "plant_outage",
    "battery_fade",
    "battery_resistance",
    "battery_end_of_life",
    "stuck_value",
    "missing_data",
    "night_generation",
    "negative_generation",
    "late_telemetry",
    "clipping",
    "setpoint_not_followed",
]
Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault or sign of ageing of one resource.

    Parameters
    ----------
    kind, severity
        Stable words.
    resource
        The caller's name of the resource or site.
    since
        When it began, as far as the data says; None for what has no beginning, such as ageing.
    confidence
        How sure [0-1]. A probability for trends (degradation, fade, end of life); elsewhere the share of the
        evidence that speaks for it, good for ranking and not calibrated.
    sentence
        For a person, with the numbers that matter.
    evidence
        The numbers behind it, by name with unit suffix.
    action
        What to do about it.

    Raises
    ------
    DiagnosticsError
        For a confidence outside [0, 1], an instant without a zone, or evidence that is no finite number.
    """

    kind: Kind
    resource: str
    since: datetime | None
    confidence: float
    severity: Severity
    sentence: str
    evidence: Mapping[str, float]
    action: str

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise DiagnosticsError(f"a confidence of {self.confidence} is none")
        if self.since is not None and self.since.tzinfo is None:
            raise DiagnosticsError("a finding needs an instant with a time zone")
        wrong = [name for name, value in self.evidence.items() if not math.isfinite(value)]
        if wrong:
            raise DiagnosticsError(f"evidence {', '.join(wrong)} is no finite number")


def severity_of(value: float, *, warning: float, critical: float) -> Severity:
    """How bad a number is that is worse the greater it is."""
    if value >= critical:
        return "critical"
    return "warning" if value >= warning else "info"
