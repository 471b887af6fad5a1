"""How far long work has come: the work says which of its stages begins, and whoever waits is told."""

from collections.abc import Callable, Mapping
from typing import Any

Begins = Callable[[str], None]


def unheard(stage: str) -> None:
    """Nobody waits."""


def waiting(stages: Mapping[str, str], stage: str) -> dict[str, Any]:
    """Return what is kept while a stage is worked on: its words, and the share of the stages that are done [%]."""
    return {
        "kind": "waiting",
        "stage": stages[stage],
        "share_pct": round(100 * list(stages).index(stage) / len(stages)),
    }
