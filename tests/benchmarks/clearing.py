"""Seconds of market mechanisms and of the ledger, with the accounts' error, beside pymarket's MUDA in the same run.

pymarket (MIT, last release 2020) is no dependency: the benchmark puts it into an environment of its own below the
repository's `.ores`, with what it needs, and leaves its figures empty where that does not succeed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import market_grids
from tests.benchmarks.market_gate import gate
from vpp.ledger.log import Log
from vpp.ledger.proofs import verify_inclusion
from vpp.markets.block_clearing import clear_blocks
from vpp.markets.blocks import Block
from vpp.markets.orders import Ints, Orders, make_orders
from vpp.markets.registry import MECHANISMS, mechanism_named
from vpp.markets.result import Clearing

ROOT = Path(__file__).resolve().parent.parent.parent
PYMARKET = "pymarket==0.7.6"
SEED = 7
RUNS = 5
PERIODS = 24
GRIDS: dict[str, Callable[..., dict[str, Any]]] = {
    "network": market_grids.network,
    "dc_network": market_grids.dc_network,
    "losses": market_grids.losses,
    "reserve": market_grids.reserve,
    "lifeline": market_grids.lifeline,
}
OTHERS = ("blocks", *GRIDS, "ledger", "gate")


def measure(options: list[str]) -> dict[str, Any]:
    """One mechanism at one size, or the whole table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks clearing")
    parser.add_argument("--orders", type=int)
    parser.add_argument("--mechanism", choices=[*MECHANISMS, *OTHERS])
    chosen = parser.parse_args(options)
    if chosen.mechanism:
        return {"mechanism": chosen.mechanism, **one(chosen.mechanism, chosen.orders)}
    sizes = (
        [("uniform_price", chosen.orders)]
        if chosen.orders
        else [("uniform_price", 100_000), ("uniform_price", 1_000_000)]
    )
    sizes += [("pay_as_bid", 100_000), ("huang", 100_000), ("mcafee", 100_000), ("muda", 10_000)]
    sizes += [
        ("muda_lottery", 10_000),
        ("peer_to_peer", 100_000),
        ("low_income_first", 100_000),
        ("continuous", 200_000),
    ]
    sizes += [(name, None) for name in OTHERS]
    result: dict[str, Any] = {}
    for name, count in sizes:
        result[f"{name}_{count}" if count else name] = one(name, count)
    return result


def one(name: str, count: int | None) -> dict[str, Any]:
    """Measure a mechanism, or one of the others."""
    if name == "blocks":
        return blocks(count or 1_000)
    if name in GRIDS:
        return GRIDS[name](count or 10_000, fastest)
    if name == "ledger":
        return ledger(count or 20_000)
    if name == "gate":
        return gate(count or 10_000)
    return mechanism(name, count or 100_000)


def random_orders(count: int, *, lots: bool = False) -> Orders:
    """Bids and offers in equal numbers; one participant each."""
    chance = np.random.default_rng(SEED)
    return make_orders(
        side=np.where(chance.random(count) < 0.5, 1, -1),
        price_micro=chance.integers(50_000, 400_000, count),
        quantity_wh=np.full(count, 1_000) if lots else chance.integers(1, 5_000, count),
        placed=np.arange(count),
        location=chance.integers(0, 50, count),
        green=chance.random(count) < 0.5,
        preference=chance.integers(0, 4, count),
    )


def fastest(run: Callable[[], Any], *, runs: int = RUNS) -> tuple[float, float, Any]:
    """Least seconds of some runs, seconds of the first one, and its result."""
    spent, result = [], None
    for _ in range(runs):
        started = time.perf_counter()
        result = run()
        spent.append(time.perf_counter() - started)
    return min(spent), spent[0], result


def mechanism(name: str, count: int) -> dict[str, Any]:
    """Arrays in to fills out."""
    orders = random_orders(count, lots=name == "mcafee")
    clear = mechanism_named(name).clear
    seconds, first, clearing = fastest(lambda: clear(orders, SEED))
    found = {
        "orders": count,
        "seconds": round(seconds, 5),
        "first_seconds": round(first, 5),
        "welfare": clearing.welfare_nano / 1e9,
        "balance_error": balance_error(orders, clearing),
        "account": clearing.account_nano / 1e9,
        "volume_kwh": clearing.volume_wh / 1e3,
    }
    if name == "continuous":
        found["orders_per_second"] = round(count / seconds)
    if name == "muda":
        found |= reference(orders, seconds)
    return found


def balance_error(orders: Orders, clearing: Clearing) -> int:
    """Wh bought but not sold plus nano paid but not accounted for: 0 where whole numbers are kept."""
    energy = abs(int((orders.side * clearing.fill_wh).sum()))
    return energy + abs(int(clearing.pay_nano.sum()) - clearing.account_nano)


def reference(orders: Orders, seconds: float) -> dict[str, Any]:
    """The same orders through pymarket, once."""
    python = _pymarket()
    if python is None:
        return {"pymarket_seconds": None, "pymarket_ratio": None}
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        np.savez(file, side=orders.side, price_micro=orders.price_micro, quantity_wh=orders.quantity_wh)
        file.flush()
        script = Path(__file__).with_name("pymarket_muda.py")
        # -P: this folder has a platform.py, which is not the standard library's.
        done = subprocess.run([python, "-P", script, file.name], capture_output=True, text=True, check=False)
    if done.returncode:
        return {
            "pymarket_seconds": None,
            "pymarket_ratio": None,
            "pymarket_error": done.stderr.splitlines()[-1],
        }
    answer = json.loads(done.stdout.splitlines()[-1])
    return {
        "pymarket_seconds": round(answer["seconds"], 3),
        "pymarket_ratio": round(answer["seconds"] / seconds),
        "pymarket_volume_kwh": answer["volume_wh"] / 1e3,
    }


def _pymarket() -> Path | None:
    """The interpreter of pymarket's environment, made when first asked for."""
    folder = ROOT / ".ores" / "pymarket"
    python = folder / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    commands: list[list[str | Path]] = [
        [uv, "venv", "-q", "--clear", folder, "--python", sys.executable],
        [uv, "pip", "install", "-q", "--python", python, PYMARKET],
    ]
    if not (folder / "installed").exists():
        for command in commands:
            if subprocess.run(command, check=False).returncode:
                return None
        (folder / "installed").touch()
    return python


def blocks(count: int) -> dict[str, Any]:
    """100 blocks, some linked and exclusive, and single orders over 24 periods: the worst of four draws."""
    found: list[dict[str, Any]] = []
    for seed in range(4):
        orders, period, made = block_market(count, seed=seed)
        clear = partial(clear_blocks, orders, made, period=period, periods=PERIODS)
        seconds, first, clearing = fastest(clear, runs=2)
        found.append(
            {
                "orders": count,
                "blocks": len(made),
                "seconds": round(seconds, 3),
                "first_seconds": round(first, 3),
                "welfare": clearing.welfare_nano / 1e9,
                "welfare_bound": clearing.bound_nano / 1e9,
                "gap_to_bound": float(f"{1 - clearing.welfare_nano / clearing.bound_nano:.1e}"),
                "balance_error": abs(clearing.account_nano),
                "rounds": clearing.rounds,
                "rejected_at_gain": len(clearing.rejected_at_gain),
                "proven": clearing.proven,
            }
        )
    worst = max(found, key=lambda draw: draw["seconds"])
    return {**worst, "largest_gap_to_bound": max(draw["gap_to_bound"] for draw in found), "draws": len(found)}


def block_market(count: int, *, seed: int) -> tuple[Orders, Ints, list[Block]]:
    """Return single orders, their periods, and 100 blocks of 2 to 8 hours."""
    chance = np.random.default_rng(seed)
    side = np.where(chance.random(count) < 0.5, 1, -1)
    price = np.where(
        side > 0, chance.integers(150_000, 350_000, count), chance.integers(100_000, 300_000, count)
    )
    orders = make_orders(side=side, price_micro=price, quantity_wh=chance.integers(500, 5_000, count))
    made = []
    for at in range(100):
        hours, energy = int(chance.integers(2, 9)), int(chance.integers(1_000, 6_000))
        start = int(chance.integers(0, PERIODS - hours + 1))
        profile = [energy if start <= hour < start + hours else 0 for hour in range(PERIODS)]
        made.append(
            Block(
                at,
                1 if chance.random() < 0.3 else -1,
                int(chance.integers(180_000, 270_000)),
                tuple(profile),
                least_permille=int(chance.choice([1000, 1000, 500, 300])),
                parent=at - 1 if at % 10 == 9 else None,
                group=at // 10 if at % 10 in (3, 4, 5) else None,
            )
        )
    return orders, np.arange(count) % PERIODS, made


def ledger(count: int) -> dict[str, Any]:
    """Trades sealed per second, with a root at the end; milliseconds of a proof and of its check."""
    payloads: list[dict[str, object]] = [
        {
            "trade": at,
            "bid": at * 3,
            "offer": at * 5,
            "energy_wh": 250 + at % 900,
            "price_micro": 210_000,
            "run": "r1",
        }
        for at in range(count)
    ]
    log = Log()
    started = time.perf_counter()
    entries = [log.seal(payload, salt=at.to_bytes(16)) for at, payload in enumerate(payloads)]
    root = log.root()
    sealing = time.perf_counter() - started
    asked = range(0, count, max(1, count // 1_000))
    started = time.perf_counter()
    proofs = [log.prove(at) for at in asked]
    proving = time.perf_counter() - started
    started = time.perf_counter()
    held = all(
        verify_inclusion(entries[at].data, proof, root=root) for at, proof in zip(asked, proofs, strict=True)
    )
    return {
        "entries": count,
        "seconds": round(sealing, 3),
        "sealed_per_second": round(count / sealing),
        "proof_ms": round(1e3 * proving / len(proofs), 4),
        "verify_ms": round(1e3 * (time.perf_counter() - started) / len(proofs), 4),
        "all_proofs_hold": held,
    }
