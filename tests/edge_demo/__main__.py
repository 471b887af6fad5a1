"""`make edge-demo`: exit code 0 where everything that is checked is as it should be."""

import argparse
import asyncio
import logging
import sys

from tests.edge_demo.play import play
from tests.edge_demo.scenes import DemoError

FIRST_HOUR, SCALE = 10.0, 300.0
FAST_HOUR, FAST_SCALE = 17.0, 560.0


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(prog="python -m tests.edge_demo", description=__doc__)
    top.add_argument("--fast", action="store_true", help="half a minute: from the afternoon on, and faster")
    top.add_argument("--hour", type=float, help="begin at this hour of the day")
    top.add_argument("--scale", type=float, help="so many times as fast as the machine's clock")
    return top


def main() -> int:
    options = parser().parse_args()
    # At the end, the server tells at length of requests it had no time to answer.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    hour = FAST_HOUR if options.fast else FIRST_HOUR
    scale = FAST_SCALE if options.fast else SCALE
    try:
        found = asyncio.run(play(hour=options.hour or hour, scale=options.scale or scale))
    except DemoError as error:
        print(f"\nthe demo stopped: {error}", file=sys.stderr)
        return 1
    print()
    for check in found:
        print(f"          {'checked' if check.is_right else 'WRONG  '}: {check.text}")
    return 0 if found and all(check.is_right for check in found) else 1


if __name__ == "__main__":
    sys.exit(main())
