"""What operators are told of settlement: events that should be settled by now and are not."""

from collections import defaultdict
from datetime import datetime

from apps.alerts.services import Found, IncidentKind, conditions_hold_everywhere, rules_of_kind
from apps.programs.models import SHED_KINDS, GridSignal
from apps.programs.selectors import signals_in_states
from vpp.dispatch.lifecycle import due
from vpp.intervals import Interval


def settlements_watch(*, now: datetime) -> None:
    """Look at every ended event that has no settlement."""
    kind = IncidentKind.SETTLEMENT_LATE
    rules, found = rules_of_kind(kind=kind), defaultdict(list)
    for signal in signals_in_states(states=[GridSignal.State.ENDED], kinds=SHED_KINDS):
        late = now - rules[signal.organization_id].after
        if (
            late > signal.ends_at
            and due("ended", Interval(signal.starts_at, signal.ends_at), now=late) == "settle"
        ):
            said = f"It ended at {signal.ends_at:%Y-%m-%d %H:%M} UTC; the server's log names the fault."
            found[signal.organization_id].append(
                Found(f"signal:{signal.pk}", f"{signal} is not settled", said)
            )
    conditions_hold_everywhere(kind=kind, found=found, now=now, rules=rules)
