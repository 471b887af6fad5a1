"""How long a VEN waits after failures: doubling, bounded, and not all at once."""

from typing import Final

LONGEST_PAUSE_S: Final = 300.0


def pause_after(failures: int, *, share: float) -> float:
    """Return how long to wait after so many failures in a row [s]: 2, 4, 8 and on to `LONGEST_PAUSE_S`, of that a part.

    Parameters
    ----------
    failures
        How often in a row it failed [-]; after none there is no pause.
    share
        0 takes half of the pause, 1 all of it [-]. The caller draws it, so that many VENs do not come back together.

    References
    ----------
    M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: "equal jitter".
    """
    if not failures:
        return 0.0
    return min(LONGEST_PAUSE_S, float(2 ** min(failures, 12))) * (0.5 + 0.5 * share)
