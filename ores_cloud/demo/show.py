"""What the demo prints."""

import sys
import time
from typing import Any

from vpp.intervals import Grid


class Printer:
    """Numbered steps with the time each took."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._step_began = self.began
        self._number = 0
        self.took: list[tuple[str, float]] = []
        self._name = ""
        self._open_line = False

    def step(self, name: str) -> None:
        """Begin a step."""
        self.finish()
        self._number += 1
        self._name = name
        self._step_began = time.monotonic()
        print(f"\n[{time.monotonic() - self.began:5.1f} s] {self._number}. {name}", flush=True)

    def finish(self) -> None:
        """End the step that runs."""
        if self._name:
            self.took.append((self._name, time.monotonic() - self._step_began))
            self._name = ""

    def say(self, text: str) -> None:
        """Print a line of the step."""
        self._end_line()
        print(f"          {text}", flush=True)

    def progress(self, text: str) -> None:
        """Replace the line of progress (on a terminal; elsewhere only `say` prints)."""
        if sys.stdout.isatty():
            self._open_line = True
            print(f"\r          {text}\033[K", end="", flush=True)

    def _end_line(self) -> None:
        if self._open_line:
            print("\r\033[K", end="")
            self._open_line = False


def delivery_table(report: dict[str, Any], *, target_kw: list[float], grid: Grid, zone: Any) -> list[str]:
    """Return target against delivered per interval, from the OpenADR report."""
    rows = ["quarter        target   delivered     share"]
    for index, interval in enumerate(report["resources"][0]["intervals"]):
        payloads = {payload["type"]: payload["values"][0] for payload in interval["payloads"]}
        delivered_kw = -payloads.get("DELTA_USAGE", 0.0) * 3600 / grid.interval_s
        period = grid.interval(index)
        starts, ends = period.starts_at.astimezone(zone), period.ends_at.astimezone(zone)
        share = delivered_kw / target_kw[index] if target_kw[index] else 1.0
        rows.append(
            f"{starts:%H:%M}-{ends:%H:%M}  {target_kw[index]:6.2f} kW  {delivered_kw:6.2f} kW   {share:6.0%}  {_bar(share)}"
        )
    return rows


def earnings_table(run: dict[str, Any], *, opted_out: str, dropped: list[str]) -> list[str]:
    """Return what each home delivered and earned."""
    rows = ["home       delivered     earned"]
    for statement in run["statements"]:
        remark = ""
        if statement["name"] == opted_out:
            remark = "opted out"
        elif statement["name"] in dropped:
            remark = "hub was off for a while"
        energy, paid = float(statement["delivered_kwh"]), f"{statement['amount']:>6} {run['currency']}"
        rows.append(f"{statement['name']:9} {energy:6.2f} kWh  {paid}  {remark}")
    rows.append(
        f"{'together':9} {float(run['delivered_kwh']):6.2f} kWh  {run['amount']:>6} {run['currency']}"
    )
    return rows


def _bar(share: float) -> str:
    return "█" * round(min(1.3, max(0.0, share)) * 20)
