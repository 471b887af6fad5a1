"""Guessing claim codes is slow: after a few wrong ones whoever guesses must wait. Right codes are never limited."""

import hashlib

from django.core.cache import cache

from apps.hubs.errors import TooManyGuessesError

WRONG_CODES = 5
WINDOW_S = 600


def check(actor: str) -> None:
    """Raise TooManyGuessesError where `actor` has entered too many wrong codes lately."""
    if cache.get(_key(actor), 0) >= WRONG_CODES:
        raise TooManyGuessesError(
            "too many wrong claim codes; wait ten minutes, then check the code on the hub"
        )


def count(actor: str) -> None:
    """Note a wrong code."""
    if not cache.add(_key(actor), 1, WINDOW_S):
        try:
            cache.incr(_key(actor))
        except ValueError:  # it ran out between the two calls
            cache.set(_key(actor), 1, WINDOW_S)


def _key(actor: str) -> str:
    return f"claim-guesses:{hashlib.sha256(actor.encode()).hexdigest()}"
