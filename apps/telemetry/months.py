"""Energy by the month: what somebody may see who is to see no more than that."""

import dataclasses
from datetime import date, datetime

from django.db import connection


@dataclasses.dataclass(frozen=True)
class MonthEnergy:
    """Energies of one local month [kWh]; production is None where no sun is measured."""

    month: date
    import_kwh: float
    export_kwh: float
    production_kwh: float | None


def months_of_site(
    *, site_id: int, time_zone: str, starts_at: datetime, ends_at: datetime
) -> list[MonthEnergy]:
    """Return the local months of quarter-hours in [starts_at, ends_at), the latest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_trunc('month', at AT TIME ZONE %s)::date AS month, "
            "coalesce(sum(greatest(grid_kw, 0)), 0) / 4, coalesce(sum(greatest(-grid_kw, 0)), 0) / 4, "
            "sum(greatest(-pv_kw, 0)) / 4 FROM telemetry_quarter "
            "WHERE site_id = %s AND at >= %s AND at < %s GROUP BY 1 ORDER BY 1 DESC",
            [time_zone, site_id, starts_at, ends_at],
        )
        return [MonthEnergy(*row) for row in cursor.fetchall()]
