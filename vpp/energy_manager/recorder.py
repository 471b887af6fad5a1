"""Rows of images: what is kept of many cycles."""

from msgspec import structs

from vpp.energy_manager.process_image import POWER_COLUMNS, ProcessImage


class Recorder:
    """Makes rows of images: powers as means over the time since the last row, the rest as at its end."""

    def __init__(self, interval_s: float) -> None:
        self.interval_ms = round(interval_s * 1000)
        self._row_at: int | None = None
        self._last_at = 0
        self._sums = [0.0] * len(POWER_COLUMNS)

    def add(self, image: ProcessImage) -> ProcessImage | None:
        """The next row, at the first image in every interval of the clock; None in between."""
        if self._row_at is None:
            self._row_at = self._last_at = image.at
            return None
        span = image.at - self._last_at
        if span <= 0:
            return None
        self._last_at = image.at
        for place, name in enumerate(POWER_COLUMNS):
            self._sums[place] += (getattr(image, name) or 0.0) * span
        if image.at // self.interval_ms == self._row_at // self.interval_ms:
            return None
        total = image.at - self._row_at
        means = {
            name: None if getattr(image, name) is None else round(self._sums[place] / total, 4)
            for place, name in enumerate(POWER_COLUMNS)
        }
        self._row_at = image.at
        self._sums = [0.0] * len(POWER_COLUMNS)
        return structs.replace(image, **means)
