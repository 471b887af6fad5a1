"""Budgets of requests that all processes share: a bucket in Redis that is filled steadily and emptied by requests."""

import dataclasses
from typing import Final

from apps.common.redis import client

# KEYS[1] the bucket; ARGV: capacity, period [s], cost. Returns whether it was granted, what is left (floor), and the seconds,
# times 1000, until a request is granted again and until the bucket is full. By Redis' own clock, so that machines agree.
TAKE: Final = """
local held = redis.call('HMGET', KEYS[1], 'left', 'at')
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local most, period, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local left = tonumber(held[1]) or most
local at = tonumber(held[2]) or now
left = math.min(most, left + math.max(0, now - at) * most / period)
local granted = 0
if left >= cost then left = left - cost granted = 1 end
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(period * 1000) + 1000)
local wait = 0
if left < cost then wait = (cost - left) * period / most end
return {granted, math.floor(left), math.ceil(wait * 1000), math.ceil((most - left) * period / most * 1000)}
"""


@dataclasses.dataclass(frozen=True)
class Grant:
    """Whether a request may pass, and what is left of its budget."""

    granted: bool
    limit: int
    left: int
    wait_s: float
    full_in_s: float


def take(name: str, *, most: int, period_s: float, cost: int = 1) -> Grant:
    """Take one request's cost from a budget of `most` requests in `period_s`."""
    found = client().eval(TAKE, 1, name, str(most), str(period_s), str(cost))
    granted, left, wait_ms, full_ms = (int(one) for one in found)
    return Grant(bool(granted), most, left, wait_ms / 1000, full_ms / 1000)
