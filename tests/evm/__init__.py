"""A chain in the test's own process."""

import sys

_limit = sys.getrecursionlimit()
import eth  # noqa: E402, F401
import py_ecc  # noqa: E402, F401

# They raise it to a depth at which C code that counts by it, as JSON decoders do, runs out of stack.
sys.setrecursionlimit(_limit)
