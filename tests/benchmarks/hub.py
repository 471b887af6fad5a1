"""What a hub needs: memory, CPU at a cycle a second, and size on disk.

The real program with ten devices: a SunSpec hybrid inverter (two devices) over Modbus TCP, a plug at a real Mosquitto where
there is one, a switch of a Home Assistant, simulated ones, and the link to a cloud.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from edge_agent.clock import Clock
from ores_cloud.local import ROOT
from tests.edge_agent.cloud import Cloud
from tests.edge_agent.fake_home_assistant import TOKEN, FakeHomeAssistant
from tests.edge_agent.mosquitto import mosquitto, program
from tests.edge_agent.mqtt_home import table, tasmota
from tests.edge_agent.sunspec_plant import OldPlant
from tests.edge_demo.hub import Hub, running

DEVICES = 10
_SIMULATED = ("meter", "battery", "charger", "heater", "plug", "inverter", "plug", "plug")
_TOO_MUCH = ("cvxpy", "scipy", "pandas", "django", "numpy", "numba")


def parser() -> argparse.ArgumentParser:
    """The benchmark's options."""
    top = argparse.ArgumentParser(prog="python -m tests.benchmarks hub")
    top.add_argument("--seconds", type=float, default=60.0, help="how long CPU is counted")
    top.add_argument("--settle", type=float, default=15.0, help="how long the hub runs before")
    return top


def measure(options: list[str]) -> dict[str, Any]:
    """Run the hub, then install it."""
    given = parser().parse_args(options)
    found = asyncio.run(_run(settle_s=given.settle, seconds=given.seconds))
    return {**found, **_install()}


async def _run(*, settle_s: float, seconds: float) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-hub-")))
        plant = OldPlant()
        cloud = await stack.enter_async_context(Cloud().running())
        port = await stack.enter_async_context(plant.serving())
        tables = await _tables(stack, folder, port)
        document = {
            "key": "home", "cloud_url": cloud.url, "data_dir": str(folder / "home"), "cycle_s": 1.0,
            "driver": {"kind": "devices", "poll_s": 1.0, "devices": tables},
        }  # fmt: skip
        hub = await stack.enter_async_context(running(folder, document, Clock()))
        await _rest(hub, plant, settle_s)
        before, asked = _cpu_s(hub), len(plant.heard)
        await _rest(hub, plant, seconds)
        cpu_pct = (_cpu_s(hub) - before) / seconds * 100.0
        decided = {one.resource for one in hub.news()}
        modbus_per_s = round((len(plant.heard) - asked) / seconds, 1)
        return {
            "rss_mb": round(hub.rss_mb, 1), "cpu_pct": round(cpu_pct, 2), "devices": len(tables), "cycle_s": 1.0,
            "mqtt": program() is not None, "controlled": sorted(decided), "modbus_per_s": modbus_per_s,
            "reported": sum(len(known.rows) for known in cloud.hubs.values()),
        }  # fmt: skip


async def _tables(stack: AsyncExitStack, folder: Path, port: int) -> list[dict[str, Any]]:
    """Ten devices: a hybrid inverter's two, a switch of a Home Assistant, a plug at a broker, and simulated ones."""
    unit = {"kind": "sunspec", "host": "127.0.0.1", "port": port, "timeout_s": 5.0}
    tables: list[dict[str, Any]] = [
        {**unit, "key": "roof", "role": "inverter"},
        {**unit, "key": "cellar", "role": "battery"},
    ]
    neighbor = FakeHomeAssistant()
    neighbor.add("switch.pump", "off")
    await stack.enter_async_context(neighbor.serving())
    at = {"kind": "home_assistant", "url": f"http://127.0.0.1:{neighbor.port}", "token": TOKEN}
    tables.append({**at, "key": "pump", "role": "switch", "switch": "switch.pump", "rated_kw": 0.5})
    if program():
        broker = stack.enter_context(mosquitto(folder))
        await stack.enter_async_context(tasmota(broker.port))
        tables.append(table("tasmota", broker.port, stuck_after_s=3600.0))
    for place, model in enumerate(_SIMULATED[: DEVICES - len(tables)]):
        tables.append({"kind": "simulator", "key": f"{model}-{place}", "model": model, "present_kw": 0.5})
    return tables


async def _rest(hub: Hub, plant: OldPlant, seconds: float) -> None:
    """Let time pass, for the plant as well."""
    for _ in range(round(seconds)):
        await asyncio.sleep(1.0)
        plant.advance(1.0)
        if hub.process.returncode is not None:
            raise RuntimeError(f"the hub ended with {hub.process.returncode}")


def _cpu_s(hub: Hub) -> float:
    """User and system time of the process [s]."""
    fields = Path(f"/proc/{hub.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _install() -> dict[str, Any]:
    """Install requirements/edge.txt into an environment of its own; its size [MB] and what should not be in it."""
    uv = str(Path(sys.executable).parent / "uv")
    folder = Path(tempfile.mkdtemp(prefix="bench-hub-install-"))
    try:
        environment = folder / "venv"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(environment)], check=True)
        command = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--link-mode",
            "copy",
            "--require-hashes",
            "--only-binary",
            ":all:",
        ]
        command += [
            "--python",
            str(environment / "bin" / "python"),
            "-r",
            str(ROOT / "requirements" / "edge.txt"),
        ]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            subprocess.run([*command, "--system-certs"], check=True)
        [packages] = environment.glob("lib/python*/site-packages")
        there = {found.name.partition("-")[0].lower() for found in packages.glob("*.dist-info")}
        return {
            "install_mb": round(_size_mb(environment), 1),
            "packages": len(there),
            "agent_mb": round(sum(_size_mb(ROOT / name) for name in ("edge_agent", "vpp")), 1),
            "too_much": sorted(there & set(_TOO_MUCH)),
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _size_mb(folder: Path) -> float:
    """What the files of a folder hold, compiled ones as well [MB]."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6
