"""How long to wait before the next attempt: longer each time, and never in step with the neighbors."""

import random


class Backoff:
    """Exponential with full jitter; all in machine seconds."""

    def __init__(self, first_s: float, max_s: float, *, dice: random.Random | None = None) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._dice = dice or random.Random()  # noqa: S311  jitter
        self._failures = 0

    def succeeded(self) -> None:
        """Start over."""
        self._failures = 0

    def next_s(self, *, hopeless: bool = False) -> float:
        """The wait after one more failure; the longest at once where trying again soon cannot help."""
        ceiling = (
            self._max_s if hopeless else min(self._max_s, self._first_s * 2.0 ** min(self._failures, 30))
        )
        self._failures += 1
        return ceiling * self._dice.uniform(0.5, 1.0)
