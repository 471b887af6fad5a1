"""What happens in the demo, scene by scene."""

import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ores_cloud.demo.client import Api, Browser, NotReached
from ores_cloud.demo.errors import LoopFailed
from ores_cloud.demo.hubs import HubProcess
from ores_cloud.demo.people import PASSWORD
from ores_cloud.demo.show import Printer, delivery_table, earnings_table
from ores_cloud.supervisor import Platform
from vpp.intervals import Grid

ZONE = ZoneInfo("Europe/Berlin")
# A Thursday in spring, a little before the evening peak; the profiles' weeks are laid under this date.
DAY = datetime(2026, 4, 23, 16, 30, tzinfo=ZONE)
EVENT_LENGTH = timedelta(hours=2)
NOTICE = timedelta(minutes=10)
TARGET_KW = 40.0
ENERGY_PRICE = "0.60"
DROPPED = ["home-05", "home-17"]
OPTED_OUT = "home-12"
DROP_AFTER = timedelta(minutes=38)
OPT_OUT_AFTER = timedelta(minutes=53)
LEAST_SHARE = 0.8


class Demo:
    """One run of the story on a running platform."""

    def __init__(self, running: Platform, printer: Printer, *, scale: float) -> None:
        self.running = running
        self.printer = printer
        self.scale = scale
        self.base = f"http://127.0.0.1:{running.port}"
        self.hubs: list[HubProcess] = []
        self.utility: Api | None = None

    # --- scenes ---

    def set_stage(self) -> None:
        """The tenant, its people, homes and credentials; then hubs start for the first time."""
        from edge_agent.drivers.simulator.fleet import fleet
        from ores_cloud.demo.stage import build

        homes = {home.key: (home.name, home.reserve_soc) for home in fleet()}
        self.stage = build(homes=homes, now=self.now())
        self.names = {key: site.name for key, site in self.stage.sites.items()}
        self.aggregator = self._api(self.stage.aggregator)
        self.printer.say(f"{len(homes)} homes in the organization Sunny Street Energy")

    def enroll_hubs(self) -> None:
        """Each hub makes its key, registers and shows a claim code, which is then entered for its home."""
        folder = self.running.state / "hubs"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        fleet = folder / "fleet.json"
        settings = {
            "cycle_s": 15.0,
            "snapshot_interval_s": 60.0,
            "history_days": 14,
            "history_step_s": 300,
            "link": {"claim_poll_s": 0.5, "backoff_max_s": 3.0},
        }
        fleet.write_text(json.dumps({"cloud_url": self.base, "data_dir": str(folder), "hub": settings}))
        groups = [[key for key in self.stage.sites if key not in DROPPED], list(DROPPED)]
        for number, homes in enumerate(groups):
            log = self.running.state / f"hubs-{number}.log"
            self.hubs.append(
                HubProcess(fleet=fleet, homes=homes, environment=self.running.environment, log=log)
            )
            self.hubs[-1].start()
        for process in self.hubs:
            process.wait_for(
                "registered", limit_s=60, progress=self._counting("hubs have made a key and registered")
            )
        for process in self.hubs:
            for home in process.homes:
                code = process.seen[home]["registered"]["claim_code"]
                self.aggregator.post(f"/api/v1/sites/{self.stage.sites[home].pk}/hub", {"code": code})
        for process in self.hubs:
            process.wait_for("connected", limit_s=60, progress=self._counting("hubs are connected"))
        self.printer.say(
            f"{len(self.stage.sites)} hubs registered, claimed by code, and connected with their own keys"
        )

    def back_fill(self) -> None:
        """What the homes recorded in the last 14 days comes in through store-and-forward."""
        for process in self.hubs:
            process.wait_for(
                "backfilled", limit_s=120, progress=self._counting("hubs have sent their 14 days")
            )
        rows = sum(seen["recorded"]["rows"] for process in self.hubs for seen in process.seen.values())
        self.printer.say(
            f"{rows:,} snapshots of the last 14 days arrived and are committed; now live every minute"
        )

    def post_event(self) -> None:
        """The utility announces a program and asks for a shed in the evening peak."""
        self.utility = self._api(self.stage.utility)
        program = self.utility.post("/openadr3/3.1.0/programs", {"programName": "Evening Relief"})
        program_id = self._platform_program()
        self.aggregator.patch(f"/api/v1/programs/{program_id}", {"energy_price": ENERGY_PRICE})
        enrolled = self.aggregator.post(
            f"/api/v1/programs/{program_id}/enrollments",
            {"site_ids": [site.pk for site in self.stage.sites.values()]},
        )
        joined = sum(row["result"] == "enrolled" for row in enrolled["results"])
        starts_at = _next_quarter(self.now() + NOTICE)
        self.event = self.utility.post(
            "/openadr3/3.1.0/events",
            {
                "programID": program["id"],
                "eventName": "Evening peak",
                "payloadDescriptors": [
                    {
                        "objectType": "EVENT_PAYLOAD_DESCRIPTOR",
                        "payloadType": "DISPATCH_SETPOINT_RELATIVE",
                        "units": "KW",
                    }
                ],
                "intervalPeriod": {"start": starts_at.astimezone(UTC).isoformat(), "duration": "PT2H"},
                "intervals": [
                    {"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-TARGET_KW]}]}
                ],
            },
        )
        self.starts_at, self.ends_at = starts_at, starts_at + EVENT_LENGTH
        self.printer.say(
            f"{joined} homes joined; event {self.event['id'][:8]}: shed {TARGET_KW:g} kW from "
            f"{starts_at.astimezone(ZONE):%H:%M} to {self.ends_at.astimezone(ZONE):%H:%M}, accepted over HTTP"
        )

    def await_plan(self) -> None:
        """Baseline, envelope and allocation are computed, schedules sent."""
        self.signal_id = self.aggregator.get("/api/v1/signals")["results"][0]["id"]
        view = self._until(lambda view: view["plans"], "a plan", limit_s=60)
        self._until(
            lambda view: self._answered(view) == self._active(view), "the hubs' acknowledgements", limit_s=30
        )
        plan = view["plans"][0]
        self.printer.say(
            f"plan {plan['revision']} ({plan['solver']}, {plan['seconds']:.2f} s): {plan['status']}, "
            f"{min(plan['planned_kw']):.1f} kW or more from {self._active(view)} homes"
        )
        for sentence in plan["explanation"][:3]:
            self.printer.say(f"  {sentence}")

    def open_market(self) -> None:
        """Every home trades by itself on its feeder's market; the worker closes the gates from now on."""
        from ores_cloud.demo.market import GATE_CLOSURE_S, INTERVAL_S, open_market

        self.market = open_market(sites=self.stage.sites, now=self.now())
        self.printer.say(
            f"{len(self.stage.sites)} homes trade by themselves, {INTERVAL_S // 60} minutes at a time, "
            f"{GATE_CLOSURE_S // 60} minutes ahead; the event goes before the market"
        )

    def live_through_event(self) -> None:
        """The event runs; two hubs lose power, one owner opts out, the fleet makes up for it."""
        todo: list[tuple[datetime, Callable[[], None]]] = [
            (self.starts_at + DROP_AFTER, self._pull_plug),
            (self.starts_at + OPT_OUT_AFTER, self._opt_out),
        ]
        revision, next_row = 1, self.starts_at + timedelta(minutes=15)
        while (now := self.now()) < self.ends_at + timedelta(minutes=1):
            while todo and now >= todo[0][0]:
                todo.pop(0)[1]()
            view = self._view()
            for plan in reversed(view["plans"]):
                if plan["revision"] > revision:
                    revision = plan["revision"]
                    self._tell_plan(plan)
            if now >= next_row + timedelta(minutes=2):
                self._tell_quarter(view, next_row)
                next_row += timedelta(minutes=15)
            self.printer.progress(f"{now.astimezone(ZONE):%H:%M}  {_latest(view)}")
            self._rest(max(0.2, 15 / self.scale))

    def settle(self) -> None:
        """Late measurements come in, delivery is measured and paid, the report goes back."""
        self.hubs[1].start()
        self.hubs[1].wait_for("connected", limit_s=60)
        self.printer.say("the two hubs are back and send what they still hold")
        runs = self._poll(
            lambda: self.aggregator.get(f"/api/v1/signals/{self.signal_id}/settlements"), "a settlement"
        )
        self.run = runs[0]
        if self.utility is None:
            raise LoopFailed("the utility has no credential")
        path = f"/openadr3/3.1.0/reports?eventID={self.event['id']}"
        reports = self._poll(lambda: self.utility.get(path) if self.utility else [], "the OpenADR report")
        self.report = reports[-1]
        self.printer.say(
            f"settled (inputs {self.run['input_hash'][:12]}…), OpenADR report {self.report['id'][:8]} fetched"
        )

    def conclude(self) -> None:
        """Print target against delivered and the earnings; check the sums; fail if the loop did not close."""
        signal_ = self._view()["signal"]
        grid = Grid(
            datetime.fromisoformat(signal_["starts_at"]), signal_["interval_s"], len(signal_["target_kw"])
        )
        for row in delivery_table(self.report, target_kw=signal_["target_kw"], grid=grid, zone=ZONE):
            self.printer.say(row)
        dropped = [self.names[key] for key in DROPPED]
        print()
        for row in earnings_table(self.run, opted_out=self.names[OPTED_OUT], dropped=dropped):
            self.printer.say(row)
        self._check(signal_, grid)

    def live_market_day(self) -> None:
        """The next 24 hours step by step, as fast as this machine lives them, while the processes rest."""
        from ores_cloud.demo.day import DATA_IN, DAY, LivedDay, first_traded

        self.stop()
        self.running.stop()
        begins = first_traded(self.now())
        self.day = (begins, begins + DAY)
        fleet = json.loads((self.running.state / "hubs" / "fleet.json").read_text())
        lived = LivedDay(
            fleet=fleet, site_ids=[site.pk for site in self.stage.sites.values()], port=self.running.port,
            now=self.now(),
        )  # fmt: skip
        self.reached = lived.live(
            until=self.day[1] + DATA_IN,
            progress=lambda at: self.printer.progress(f"{at.astimezone(ZONE):%a %H:%M}"),
        )

    def tell_market(self) -> None:
        """Tell what was traded and saved on the market day."""
        from ores_cloud.demo.market import lines_of, tell

        told, site = tell(market=self.market, day=self.day), self.stage.sites["home-01"]
        for row in lines_of(told, market=self.market, base=self.base, site=site, zone=ZONE):
            self.printer.say(row)

    def go_on(self) -> None:
        """Have platform and hubs run by themselves again, from where the day ended."""
        from django.conf import settings

        text = f"{self.reached.isoformat()}@{time.time():.3f}x{self.scale:g}"
        self.running.environment["ORES_CLOCK"] = settings.ORES_CLOCK = text
        for process in self.hubs:
            process.start()  # they try again until the platform is there
        self.running.start()
        for process in self.hubs:
            process.wait_for("connected", limit_s=60)
        self.printer.say(
            f"it is {self.reached.astimezone(ZONE):%a %H:%M}; the clock runs {self.scale:g} times as fast"
        )

    # --- details ---

    def now(self) -> datetime:
        from apps.common import clock

        return clock.now()

    def stop(self) -> None:
        for process in self.hubs:
            process.stop()

    def _api(self, credential: Any) -> Api:
        return Api(self.base, client_id=credential.client_id, client_secret=credential.client_secret)

    def _platform_program(self) -> int:
        return int(self.aggregator.get("/api/v1/programs")["results"][-1]["id"])

    def _view(self) -> dict[str, Any]:
        view: dict[str, Any] = self._patiently(
            lambda: self.aggregator.get(f"/api/v1/signals/{self.signal_id}")
        )
        return view

    def _patiently(self, fetch: Callable[[], Any], *, limit_s: float = 30.0) -> Any:
        """Return what `fetch` finds; a web process that is being started again is waited for."""
        deadline = time.monotonic() + limit_s
        while True:
            try:
                return fetch()
            except NotReached:
                if time.monotonic() > deadline:
                    raise
                self._rest(0.3)

    def _active(self, view: dict[str, Any]) -> int:
        return sum(home["instruction_state"] != "" for home in view["homes"])

    def _answered(self, view: dict[str, Any]) -> int:
        return sum(
            home["instruction_state"] in {"acknowledged", "applied", "verified"} for home in view["homes"]
        )

    def _rest(self, seconds: float) -> None:
        """Wait, and keep the platform's processes alive meanwhile."""
        time.sleep(seconds)
        self.running.tend()

    def _until(self, ready: Callable[[dict[str, Any]], Any], what: str, *, limit_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            view = self._view()
            if ready(view):
                return view
            self._rest(0.2)
        raise LoopFailed(f"waited {limit_s:g} s for {what}; see {self.running.state}/worker.log")

    def _poll(self, fetch: Callable[[], list[Any]], what: str, *, limit_s: float = 90.0) -> list[Any]:
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            found: list[Any] = self._patiently(fetch)
            if found:
                return found
            self._rest(0.3)
        raise LoopFailed(f"waited {limit_s:g} s for {what}; see {self.running.state}/worker.log")

    def _counting(self, what: str) -> Callable[[int], None]:
        return lambda done: self.printer.progress(f"{done} {what}")

    def _pull_plug(self) -> None:
        self.hubs[1].kill()
        at = f"{self.now().astimezone(ZONE):%H:%M}"
        self.printer.say(f"{at}  the hubs of {' and '.join(self.names[key] for key in DROPPED)} lose power")

    def _opt_out(self) -> None:
        browser = Browser(self.base)
        browser.sign_in(self.stage.owners[OPTED_OUT], PASSWORD)
        site = self.stage.sites[OPTED_OUT].pk
        browser.submit(f"/sites/{site}/events/{self.signal_id}/opt-out", {"reason": "guests tonight"})
        self.printer.say(
            f"{self.now().astimezone(ZONE):%H:%M}  the owner of {self.names[OPTED_OUT]} opts out in the portal"
        )

    def _tell_plan(self, plan: dict[str, Any]) -> None:
        short = max(plan["shortfall_kw"], default=0.0)
        missing = f", {short:.1f} kW missing" if short > 0.05 else ""
        self.printer.say(
            f"{self.now().astimezone(ZONE):%H:%M}  plan {plan['revision']}: {plan['reason']} → "
            f"{min(plan['planned_kw']):.1f} kW for the rest of the event{missing}"
        )

    def _tell_quarter(self, view: dict[str, Any], ends_at: datetime) -> None:
        starts_at = ends_at - timedelta(minutes=15)
        points = [p for p in view["tracking"] if starts_at < datetime.fromisoformat(p["at"]) <= ends_at]
        if points:
            delivered = sum(point["delivered_kw"] for point in points) / len(points)
            self.printer.say(
                f"{ends_at.astimezone(ZONE):%H:%M}  last quarter-hour: {delivered:5.1f} of {points[0]['target_kw']:.1f} kW, "
                f"{points[-1]['sites_delivering']} homes giving, {points[-1]['sites_silent']} silent"
            )

    def _check(self, signal_: dict[str, Any], grid: Grid) -> None:
        from decimal import ROUND_HALF_UP, Decimal

        paid = sum((Decimal(statement["amount"]) for statement in self.run["statements"]), Decimal(0))
        if paid != Decimal(self.run["amount"]):
            raise LoopFailed(f"the statements sum to {paid}, the settlement says {self.run['amount']}")
        delivered = Decimal(self.run["delivered_kwh"])
        owed = (delivered * Decimal(ENERGY_PRICE)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        if owed != paid:
            raise LoopFailed(f"{delivered} kWh at {ENERGY_PRICE} make {owed}, paid was {paid}")
        target_kwh = sum(signal_["target_kw"]) * grid.hours
        if float(delivered) < LEAST_SHARE * target_kwh:
            raise LoopFailed(f"only {delivered:.1f} of {target_kwh:.1f} kWh were delivered")
        self.printer.say(
            f"checked: statements sum to {paid} {self.run['currency']} = {delivered:.3f} kWh × {ENERGY_PRICE}, to the cent"
        )


def _next_quarter(at: datetime) -> datetime:
    at = at.astimezone(UTC)
    return at.replace(minute=0, second=0, microsecond=0) + timedelta(minutes=15) * (at.minute // 15 + 1)


def _latest(view: dict[str, Any]) -> str:
    if not view["tracking"]:
        return f"signal is {view['signal']['state']}"
    point = view["tracking"][-1]
    return f"target {point['target_kw']:.1f} kW, delivered {point['delivered_kw']:.1f} kW"
