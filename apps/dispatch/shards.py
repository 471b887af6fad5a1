"""Blocks of homes answered for by other workers: prices and weights go out, sums and cuts come back.

The homes' data is laid into Redis once a solve, a shard each; every round is one Celery group. A shard that gives no
answer in time is answered for here, and not asked again in this solve.
"""

import base64
import functools
import io
import uuid
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string
from numpy.typing import NDArray

from apps.common.redis import client
from vpp.dispatch.coupling import Floats
from vpp.dispatch.master import Response
from vpp.dispatch.shed_fleet import ShedBlocks
from vpp.dispatch.shed_kernel import ShedPart

KEPT_S = 900
ANSWER_WITHIN_S = 10.0
RESPOND_TASK = "dispatch.shard_respond"
CUT_TASK = "dispatch.shard_cut"


class ShardsGoneError(Exception):
    """The data of a solve is not in Redis any more."""


def employ_shards(count: int, *, within_s: float = ANSWER_WITHIN_S) -> "Callable[[ShedBlocks], Shards]":
    """Return how a solve's blocks are given to `count` shards."""
    return lambda blocks: Shards(blocks, count=count, within_s=within_s)


class Shards:
    """The blocks of a solve, split over shards."""

    def __init__(self, blocks: ShedBlocks, *, count: int, within_s: float) -> None:
        self.run, self.within_s, self.own = uuid.uuid4().hex, within_s, blocks
        edges = np.linspace(0, len(blocks.starts) - 1, min(count, len(blocks.starts) - 1) + 1).astype(int)
        self.ranges = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
        self.shards = [blocks.some(first, last) for first, last in self.ranges]
        self.gone: set[int] = set()
        for number, shard in enumerate(self.shards):
            client().set(_key(self.run, number), _packed_blocks(shard), ex=KEPT_S)

    def respond(self, prices: Floats) -> Response:
        """As `ShedBlocks.respond`; the same numbers, whoever computes them."""
        parts = self._ask(
            RESPOND_TASK,
            [{"prices": packed(prices=prices[first:last])} for first, last in self.ranges],
            here=lambda number, first, last: _arrays_of(self.shards[number].respond(prices[first:last])),
        )
        return Response(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})

    def cuts_kw(self, asked: Sequence[Floats], *, weights: Floats) -> Floats:
        """As `ShedBlocks.cuts_kw`."""
        prices = np.stack(asked)
        used = np.flatnonzero((weights > 0).any(axis=1))
        prices, weights = prices[used], weights[used]
        parts = self._ask(
            CUT_TASK,
            [{"prices": packed(asked=prices[:, a:b], weights=weights[:, a:b])} for a, b in self.ranges],
            here=lambda number, a, b: {
                "cuts": self.shards[number].cuts_kw(list(prices[:, a:b]), weights=weights[:, a:b])
            },
        )
        return np.concatenate([part["cuts"] for part in parts])

    def _ask(
        self,
        task: str,
        messages: Sequence[dict[str, str]],
        *,
        here: Callable[[int, int, int], dict[str, Any]],
    ) -> list[dict[str, Any]]:
        from celery import group
        from celery.exceptions import TimeoutError as NoAnswer
        from celery.result import allow_join_result

        app = import_string(settings.CELERY_APP)
        asked = [number for number in range(len(messages)) if number not in self.gone]
        signatures = [
            app.signature(task, kwargs={"run": self.run, "shard": number, **messages[number]})
            for number in asked
        ]
        results = group(signatures).apply_async().results if signatures else []
        parts: dict[int, dict[str, Any]] = {}
        with allow_join_result():
            for number, result in zip(asked, results, strict=True):
                try:
                    parts[number] = unpacked(result.get(timeout=self.within_s))
                except (NoAnswer, ShardsGoneError):
                    self.gone.add(number)
        for number, (first, last) in enumerate(self.ranges):
            if number not in parts:
                parts[number] = here(number, first, last)
        return [parts[number] for number in range(len(messages))]


def shard_respond(*, run: str, shard: int, prices: str) -> str:
    """Answer for a shard, in a worker."""
    return packed(**_arrays_of(_blocks_of(run, shard).respond(unpacked(prices)["prices"])))


def shard_cut(*, run: str, shard: int, prices: str) -> str:
    """Work out a shard's cuts, in a worker."""
    sent = unpacked(prices)
    return packed(cuts=_blocks_of(run, shard).cuts_kw(list(sent["asked"]), weights=sent["weights"]))


def packed(**arrays: NDArray[Any]) -> str:
    """Return arrays as text that JSON carries."""
    held = io.BytesIO()
    np.savez(held, allow_pickle=False, **arrays)
    return base64.b85encode(held.getvalue()).decode()


def unpacked(text: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of `packed`."""
    with np.load(io.BytesIO(base64.b85decode(text)), allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def _arrays_of(response: Response) -> dict[str, Floats]:
    return {"cost": response.cost, "usage_kw": response.usage_kw, "bound": response.bound}


def _key(run: str, shard: int) -> str:
    return f"{settings.REDIS_PREFIX}shard:{run}:{shard}"


def _packed_blocks(blocks: ShedBlocks) -> bytes:
    held = io.BytesIO()
    arrays = {name: np.asarray(value) for name, value in blocks.part._asdict().items()}
    np.savez(held, allow_pickle=False, starts=blocks.starts, **arrays)
    return held.getvalue()


@functools.lru_cache(maxsize=4)
def _blocks_of(run: str, shard: int) -> ShedBlocks:
    data = client().get(_key(run, shard))
    if data is None:
        raise ShardsGoneError(run)
    with np.load(io.BytesIO(cast("bytes", data)), allow_pickle=False) as held:
        arrays, starts = {name: held[name] for name in ShedPart._fields}, held["starts"]
    values: dict[str, Any] = {
        name: float(array) if array.ndim == 0 else array for name, array in arrays.items()
    }
    return ShedBlocks(ShedPart(**values), starts)
