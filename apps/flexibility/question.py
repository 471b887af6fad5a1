"""What is asked of a portfolio. Apart from the answer, so that the web door starts without the numerical stack."""

import dataclasses
import math
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from apps.common.errors import DomainError

STEP = timedelta(minutes=15)
LONGEST = timedelta(hours=24)
ASSUMPTIONS = (
    "batteries begin the window with the charge they have now",
    "cars' charging can be put off to after the window",
    "less and more load are counted against batteries at rest",
    "homes fail independently of each other, but for the share in reach, which moves for all",
)


class WindowError(DomainError):
    code = "invalid_window"


@dataclasses.dataclass(frozen=True)
class Question:
    """The window, what is wished for [kW], and which homes: None for all, or those of one program or grid area.

    `paid_per_kwh` comes on top of the homes' own cost.
    """

    starts_at: datetime
    ends_at: datetime
    kw: float | None = None
    site_ids: Collection[int] | None = None
    grid_area_id: int | None = None
    paid_per_kwh: float = 0.0

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None:
            raise WindowError("from and to need a time zone")
        if self.ends_at.astimezone(UTC) - self.starts_at.astimezone(UTC) < STEP:
            raise WindowError("the window must be at least 15 minutes long")
        if self.ends_at.astimezone(UTC) - self.starts_at.astimezone(UTC) > LONGEST:
            raise WindowError("the window must be at most 24 hours long")
        if self.kw is not None and not (math.isfinite(self.kw) and self.kw >= 0):
            raise WindowError("kw must be a number of 0 or more")

    @property
    def count(self) -> int:
        """Number of intervals: quarter-hours, or a little shorter so that they fit the window."""
        return math.ceil((self.ends_at.astimezone(UTC) - self.starts_at.astimezone(UTC)) / STEP)

    @property
    def step(self) -> timedelta:
        return (self.ends_at.astimezone(UTC) - self.starts_at.astimezone(UTC)) / self.count

    @property
    def middles(self) -> list[datetime]:
        """The middle of each interval, in UTC."""
        return [self.starts_at.astimezone(UTC) + self.step * (index + 0.5) for index in range(self.count)]
