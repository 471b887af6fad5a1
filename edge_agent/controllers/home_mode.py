"""The home's own mode beyond self-consumption: buy when it is cheap, or keep the battery full for an outage.

By a tariff the battery is filled in the cheapest periods, waits in between, and covers the home in the dearest; nothing
of it happens where the price difference does not pay for what is lost on the way in and out.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from edge_agent.config import ConfigError, HomeMode, TariffPeriod
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits

# Without an end in sight (one price all day) the battery is filled within this time [h].
_UNHURRIED_H = 4.0


@dataclass(frozen=True, slots=True)
class PriceNow:
    """The price [currency per kWh] now, how long it holds [h], and the price after it."""

    price: float
    hours: float
    after: float


class Tariff:
    """Prices by the time of day at the home. ConfigError where a minute has no price or two."""

    def __init__(self, periods: list[TariffPeriod], *, time_zone: str) -> None:
        try:
            self._zone = ZoneInfo(time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise ConfigError(f"home.time_zone: {time_zone!r} is no time zone") from error
        self._minutes = _minutes(periods)
        self.cheapest, self.dearest = min(self._minutes), max(self._minutes)

    def at(self, now_ms: int) -> PriceNow:
        """The price at an instant."""
        now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self._zone)
        minute = now.hour * 60 + now.minute
        price = self._minutes[minute]
        length = 1
        while length < len(self._minutes) and self._minutes[(minute + length) % 1440] == price:
            length += 1
        after = self._minutes[(minute + length) % 1440]
        return PriceNow(price, length / 60 - now.second / 3600, after)

    def limit_price(self, now_ms: int, until_ms: int, *, hours: float) -> float:
        """The highest price that has to be paid to run for so long [h] in the cheapest minutes before an instant [ms]."""
        now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self._zone)
        first = now.hour * 60 + now.minute
        count = max(1, (until_ms - now_ms) // 60_000)
        ahead = sorted(self._minutes[(first + minute) % 1440] for minute in range(min(count, 1440)))
        return ahead[min(len(ahead) - 1, max(0, ceil(hours * 60) - 1))]


def _minutes(periods: list[TariffPeriod]) -> list[float]:
    found: list[float | None] = [None] * 1440
    for period in periods:
        start, end = _minute(period.starts), _minute(period.ends)
        length = (end - start) % 1440 or 1440
        for minute in range(start, start + length):
            if found[minute % 1440] is not None:
                raise ConfigError(f"home.tariff: {_clock(minute)} has two prices")
            found[minute % 1440] = period.price
    without = next((minute for minute, price in enumerate(found) if price is None), None)
    if without is not None:
        raise ConfigError(f"home.tariff: {_clock(without)} has no price")
    return [price for price in found if price is not None]


def _minute(text: str) -> int:
    at = time.fromisoformat(text)
    return at.hour * 60 + at.minute


def _clock(minute: int) -> str:
    return f"{timedelta(minutes=minute % 1440)}"[:-3].zfill(5)


class HomeModeController:
    """Behind the cloud's schedule, before self-consumption."""

    name = "home_mode"

    def __init__(self, config: HomeMode, limits: DeviceLimits) -> None:
        self._config = config
        self._limits = limits
        self._tariff = Tariff(config.tariff, time_zone=config.time_zone) if config.tariff else None
        if config.mode == "time_of_use" and self._tariff is None:
            raise ConfigError("home.mode: time_of_use needs home.tariff")

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Say what the battery does by the mode, unless somebody above did."""
        if image.battery_soc is None or not allowed.undecided("battery") or not image.on_grid:
            return
        if self._config.mode == "backup":
            self._fill(image, allowed, hours=_UNHURRIED_H, reason="kept full for an outage")
        elif self._config.mode == "time_of_use" and self._tariff is not None:
            self._by_price(image, allowed, tariff=self._tariff)

    def _by_price(self, image: ProcessImage, allowed: Allowed, *, tariff: Tariff) -> None:
        lost = self._limits.discharge_efficiency**2
        if tariff.cheapest >= tariff.dearest * lost:
            return
        now = tariff.at(image.at)
        if now.price == tariff.cheapest:
            self._fill(image, allowed, hours=now.hours, reason=f"cheap at {now.price:g} a kWh")
        elif now.price < tariff.dearest and now.after > now.price:
            reason = f"{now.price:g} a kWh now, {now.after:g} in {now.hours:.1f} h"
            allowed.narrow("battery", (0.0, float("inf")), by=self.name, reason=reason)

    def _fill(self, image: ProcessImage, allowed: Allowed, *, hours: float, reason: str) -> None:
        """Charge what is missing evenly until the end, the sun's surplus at once, and give nothing."""
        assert image.battery_soc is not None
        missing_kwh = max(0.0, self._config.charge_to_soc - image.battery_soc) * self._limits.battery_kwh
        wanted_kw = missing_kwh / self._limits.discharge_efficiency / hours
        kw = max(wanted_kw, -image.residual_kw, 0.0)
        allowed.want("battery", kw, by=self.name, reason=reason)
