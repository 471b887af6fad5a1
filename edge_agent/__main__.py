"""The command line: one hub, a simulated fleet, or a word of its owner."""

import argparse
import asyncio
import faulthandler
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.agent import Agent
from edge_agent.clock import ClockError, clock_from_environment
from edge_agent.config import ConfigError, HubConfig, hub_config, read_document
from edge_agent.controllers.override import Override
from edge_agent.controllers.override_file import write_override
from edge_agent.local_api.token import load_token, new_token
from edge_agent.process import die_with_parent

# More than devices, link and running requests take together. A program that hangs ends by itself after so long.
MOST_TO_END_S = 50.0


class FleetConfig(msgspec.Struct, forbid_unknown_fields=True):
    """A simulated fleet. Without `homes` it is the reference fleet, or its first `count` homes.

    Everything in `hub` goes into each hub's configuration; a home of `homes` has its own on top. Unless
    told otherwise a cycle is 15 s and a home has recorded 14 days before its first start.
    """

    cloud_url: str
    data_dir: str
    count: int = 24
    hub: dict[str, Any] = {}
    homes: list[dict[str, Any]] = []


def fleet_hubs(fleet_config: FleetConfig) -> list[HubConfig]:
    """The configuration of every hub, each with a data folder of its own."""
    from edge_agent.drivers.simulator.fleet import fleet

    homes = fleet_config.homes or [
        {
            "key": home.key,
            "name": home.name,
            "reserve_soc": home.reserve_soc,
            "driver": msgspec.to_builtins(home.home),
        }
        for home in fleet(fleet_config.count)
    ]
    hubs: list[HubConfig] = []
    for home in homes:
        key = str(home.get("key", ""))
        if not key or Path(key).name != key or key in {hub.key for hub in hubs}:
            raise ConfigError(f"a home needs a key of its own that can name a folder, not {key!r}")
        base = {
            "cloud_url": fleet_config.cloud_url,
            "data_dir": str(Path(fleet_config.data_dir) / key),
            "cycle_s": 15.0,
            "history_days": 14,
        }
        hubs.append(hub_config(base | fleet_config.hub | home))
    return hubs


def emitter(home: str) -> Any:
    """Writes progress as JSON lines."""

    def emit(event: str, **facts: object) -> None:
        line = msgspec.json.encode({"event": event, "home": home, **facts})
        # A home does not stop because nobody listens any more.
        with suppress(BrokenPipeError):
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()

    return emit


async def run_hubs(hubs: Sequence[HubConfig]) -> None:
    """Run them all until SIGTERM or SIGINT; if one fails, the others end as well."""
    clock = clock_from_environment(os.environ)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def told_to_end() -> None:
        stop.set()
        # Whatever hangs then: what was measured is on disk, and where it hung is told.
        faulthandler.dump_traceback_later(MOST_TO_END_S, exit=True)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_end)
    agents = [Agent(hub, clock, emit=emitter(hub.key)) for hub in hubs]
    tasks = [asyncio.create_task(agent.run(), name=agent.config.key) for agent in agents]
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    failures = [task.exception() for task in tasks if task.done() and not task.cancelled()]
    for task in [stopped, *tasks]:
        task.cancel()
    await asyncio.gather(stopped, *tasks, return_exceptions=True)
    for failure in failures:
        if failure is not None:
            raise failure
    emitter("")("stopped", hubs=len(hubs))


def _simulate(options: argparse.Namespace) -> None:
    document = read_document(options.fleet) if options.fleet else {}
    given = {"cloud_url": options.cloud_url, "data_dir": options.data_dir, "count": options.count}
    document |= {name: value for name, value in given.items() if value is not None}
    try:
        fleet_config = msgspec.convert(document, FleetConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"fleet: {error}") from error
    hubs = fleet_hubs(fleet_config)
    if options.only:
        wanted = options.only.split(",")
        unknown = sorted(set(wanted) - {hub.key for hub in hubs})
        if unknown:
            raise ConfigError(f"the fleet has no home {', '.join(unknown)}")
        hubs = [hub for hub in hubs if hub.key in wanted]
    asyncio.run(run_hubs(hubs))


def _run(options: argparse.Namespace) -> None:
    asyncio.run(run_hubs([hub_config(read_document(options.config))]))


def _override(options: argparse.Namespace) -> None:
    config = hub_config(read_document(options.config))
    if options.clear:
        write_override(Path(config.data_dir), None)
        return
    if options.resource is None or options.kw is None:
        raise ConfigError("an override needs --resource and --kw, or --clear")
    until = clock_from_environment(os.environ).now_ms() + round(options.minutes * 60_000)
    write_override(Path(config.data_dir), Override(until, {options.resource: options.kw}, options.note))


def _token(options: argparse.Namespace) -> None:
    data_dir = Path(hub_config(read_document(options.config)).data_dir)
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    print(new_token(data_dir) if options.new else load_token(data_dir))


def _pair(options: argparse.Namespace) -> None:
    from edge_agent.drivers.s2.offers import kept_by, leave_offer

    config = hub_config(read_document(options.config))
    try:
        code = leave_offer(kept_by(config, node_id=options.node), datetime.now(UTC))
    except OSError as error:
        raise ConfigError(f"the pairing code cannot be left for the hub: {error}") from error
    print(code)
    print("Enter this code at the device within 5 minutes. It pairs once.", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(prog="python -m edge_agent", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="run the hub of one home")
    run.add_argument("--config", type=Path, required=True, help="TOML or JSON file")
    run.set_defaults(call=_run)
    simulate = commands.add_parser("simulate", help="run many simulated hubs in one process")
    simulate.add_argument("--fleet", type=Path, help="TOML or JSON file")
    simulate.add_argument("--cloud-url", help="overrides the file's")
    simulate.add_argument("--data-dir", help="overrides the file's")
    simulate.add_argument("--count", type=int, help="the first so many homes of the reference fleet")
    simulate.add_argument("--only", default="", metavar="KEY,KEY", help="run these homes of the fleet only")
    simulate.set_defaults(call=_simulate)
    for command in (run, simulate):
        command.add_argument("--die-with-parent", action="store_true", help="end when the parent ends")
    override = commands.add_parser("override", help="set or clear the owner's override of a hub")
    override.add_argument("--config", type=Path, required=True)
    override.add_argument("--resource", help="key of the resource")
    override.add_argument("--kw", type=float, help="power in load convention")
    override.add_argument("--minutes", type=float, default=60.0)
    override.add_argument("--note", default="")
    override.add_argument("--clear", action="store_true")
    override.set_defaults(call=_override)
    token = commands.add_parser("token", help="show the token of the hub's local server to its owner")
    token.add_argument("--config", type=Path, required=True)
    token.add_argument(
        "--new", action="store_true", help="make another one; the old one opens nothing any more"
    )
    token.set_defaults(call=_token)
    pair = commands.add_parser("pair", help="show a code with which a S2 device pairs with the running hub")
    pair.add_argument("--config", type=Path, required=True)
    pair.add_argument("--node", default="", help="node id of the pairing table, where there are several")
    pair.set_defaults(call=_pair)
    return top


def main() -> int:
    """Run a command; 2 for a configuration that cannot be used."""
    options = parser().parse_args()
    if getattr(options, "die_with_parent", False):
        die_with_parent()
    try:
        options.call(options)
    except (ConfigError, ClockError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
