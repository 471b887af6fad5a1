"""Precision, recall and delay of the detectors on injected faults, and seconds for a fleet's daily yields."""

import argparse
import math
import time
from typing import Any

from tests.vpp.diagnostics.faulty_fleet import plants_with_faults
from tests.vpp.diagnostics.scored import all_scores
from vpp.diagnostics.peer_faults import peer_faults
from vpp.diagnostics.peers import peer_ratio, similar_peers


def measure(options: list[str]) -> dict[str, Any]:
    """Score ten fleets of seeds that no threshold was set on; then time the comparison with peers."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks diagnostics")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--homes", type=int, default=2000)
    chosen = parser.parse_args(options)
    faults = {
        kind: {
            "precision": round(found.precision, 3),
            "recall": round(found.recall, 3),
            "delay_days": None if math.isnan(found.delay_days) else round(found.delay_days, 2),
        }
        for kind, found in all_scores(range(chosen.seeds)).items()
    }
    fleet = plants_with_faults(0, homes=chosen.homes)
    started = time.perf_counter()
    peer_faults(peer_ratio(fleet.yields, similar_peers(fleet.yields[:, :30])))
    seconds = time.perf_counter() - started
    return {"seeds": chosen.seeds, "faults": faults, "homes": chosen.homes, "peer_seconds": round(seconds, 2)}
