"""Who asks too much, or guesses: a budget of requests and one of wrong tokens for each address."""

import time
from collections.abc import Callable
from dataclasses import dataclass

_MOST_ADDRESSES = 1000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Budget:
    """`most` at once, `most` more each minute, for each address."""

    def __init__(self, most: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def wait_s(self, address: str) -> float:
        """How long until the address may ask again [s]; 0 for now."""
        left = self._filled(address).left
        return 0.0 if left >= 1.0 else (1.0 - left) * 60.0 / self._most

    def spend(self, address: str) -> None:
        """Count one."""
        self._filled(address).left -= 1.0

    def _filled(self, address: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(address)
        if bucket is None:
            if len(self._buckets) >= _MOST_ADDRESSES:
                self._forget(now)
            bucket = self._buckets[address] = _Bucket(self._most, now)
        bucket.left = min(self._most, bucket.left + (now - bucket.at) * self._most / 60.0)
        bucket.at = now
        return bucket

    def _forget(self, now: float) -> None:
        """Let go of the addresses heard least lately: half of them."""
        newest = sorted(self._buckets, key=lambda address: self._buckets[address].at)
        for address in newest[: len(newest) // 2]:
            del self._buckets[address]
