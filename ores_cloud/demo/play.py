"""`make demo`: start a platform, play the story, keep serving."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable

from ores_cloud.demo.client import CallFailed, NotReached
from ores_cloud.demo.errors import LoopFailed
from ores_cloud.demo.hubs import HubsFailed
from ores_cloud.demo.people import OPERATOR, PASSWORD
from ores_cloud.demo.show import Printer
from ores_cloud.demo.story import DAY, Demo
from ores_cloud.embedded import EmbeddedError
from ores_cloud.supervisor import Platform, SupervisorError, platform, wished_port


class Interrupted(Exception):
    """Ctrl-C, or a polite request to end."""


SCENES: list[tuple[str, Callable[[Demo], None]]] = [
    ("Homes and people", Demo.set_stage),
    ("Hubs enroll with their own keys", Demo.enroll_hubs),
    ("14 days of measurements come in", Demo.back_fill),
    ("The utility posts an OpenADR 3.1 event", Demo.post_event),
    ("Baselines, flexibility, plan, schedules", Demo.await_plan),
    ("The street's market opens", Demo.open_market),
    ("The event", Demo.live_through_event),
    ("Settlement and report", Demo.settle),
    ("Target against delivered, and what it pays", Demo.conclude),
    ("A market day", Demo.live_market_day),
    ("What the market day brought", Demo.tell_market),
]
GOING_ON = ("The homes live on", Demo.go_on)


def main(argv: list[str]) -> int:
    """Play the demo; 0 when the loop closed."""
    options = _options(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    printer = Printer()
    printer.step("The platform starts")
    try:
        with platform(
            name="demo",
            port=wished_port(),
            database="ores_demo",
            environment=lambda: _environment(options.scale),
        ) as running:
            return _play(running, printer, options=options)
    except Interrupted:
        print("\nstopped")
        return 130
    except (SupervisorError, EmbeddedError, HubsFailed, LoopFailed, CallFailed, NotReached) as error:
        print(f"\ndemo: the loop failed: {error}", file=sys.stderr)
        return 1


def _play(running: Platform, printer: Printer, *, options: argparse.Namespace) -> int:
    os.environ.update({k: v for k, v in running.environment.items() if isinstance(v, str)})
    import django

    django.setup()
    printer.say(f"web, worker and beat run; the clock runs {options.scale:g} times as fast")
    demo = Demo(running, printer, scale=options.scale)
    try:
        for name, scene in SCENES if options.exit else [*SCENES, GOING_ON]:
            printer.step(name)
            scene(demo)
        printer.finish()
        _summary(demo, printer)
        while not options.exit:
            time.sleep(0.5)
            running.tend()
    finally:
        demo.stop()
    return 0


def _summary(demo: Demo, printer: Printer) -> None:
    print("\nTime each step took:")
    for name, seconds in printer.took:
        print(f"  {seconds:6.1f} s  {name}")
    print(f"  {time.monotonic() - printer.began:6.1f} s  together")
    owner = demo.stage.owners["home-01"]
    print(f"\nLook around at {demo.base}  (Ctrl-C ends everything)")
    print(f"  homeowner: {owner}   operator: {OPERATOR}   password of both: {PASSWORD}", flush=True)


def _environment(scale: float) -> dict[str, str]:
    """The clock starts when everything else is ready."""
    prefix = {"REDIS_PREFIX": f"ores-demo-{os.getpid()}:"}
    return {"ORES_CLOCK": f"{DAY.isoformat()}@{time.time():.3f}x{scale:g}", **prefix}


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo ARGS=…", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="stop at the end instead of serving on")
    parser.add_argument("--scale", type=float, default=60.0, help="simulated seconds per second")
    return parser.parse_args(argv)
