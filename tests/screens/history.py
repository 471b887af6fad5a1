"""Quarter-hours of months, made by the database itself: a plausible home, the same ones each time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection

from apps.telemetry.fleets import fleets_sum_up
from apps.telemetry.models import Series
from apps.telemetry.partitions import ensure_days

# Sun by season and a day's clouds, a house with morning and evening, a battery of noon and night; `noise` is 0 to 1.
_ROWS = """
INSERT INTO telemetry_quarter
  (site_id, at, samples, grid_kw, load_kw, pv_kw, battery_kw, battery_soc, ev_kw, heat_kw)
SELECT site, at, 15, load - sun + battery + ev + heat, load, -sun, battery, soc, ev, heat
FROM (
  SELECT site, at, hour, load, sun, ev, heat,
    CASE WHEN hour BETWEEN 9 AND 15 THEN least(greatest(sun - load, 0), 2.4)
         WHEN hour >= 17 THEN -least(load + heat, 1.5) ELSE 0 END AS battery,
    0.2 + 0.6 * greatest(0, sin(pi() * (hour - 8) / 16)) AS soc
  FROM (
    SELECT site, at, hour,
      0.25 + 0.5 * exp(-(((hour - 7.5) / 1.4) ^ 2)) + 1.3 * exp(-(((hour - 19) / 2.2) ^ 2)) + 0.5 * noise AS load,
      greatest(0, (3.0 + 2.0 * season) * sin(pi() * (hour - 6.5 + season) / (11 + 2 * season))) * (0.35 + 0.65 * cloud)
        * (CASE WHEN hour BETWEEN 6.5 - season AND 17.5 + season THEN 1 ELSE 0 END) AS sun,
      CASE WHEN hour BETWEEN 1 AND 3.5 AND cloud > 0.6 THEN 3.6 ELSE 0 END AS ev,
      greatest(0, 0.9 - season) * (0.4 + noise) * 0.7 AS heat
    FROM (
      SELECT site, at, date_part('hour', at) + date_part('minute', at) / 60 + 1 AS hour,
        -cos(2 * pi() * (date_part('doy', at) + 10) / 365) AS season,
        abs(hashint8(date_part('epoch', at)::bigint + site * 7919) %% 1000) / 1000.0 AS noise,
        abs(hashint8((date_part('epoch', at)::bigint / 86400) * 31 + site) %% 1000) / 1000.0 AS cloud
      FROM unnest(%(sites)s::int[]) AS site,
        generate_series(%(starts_at)s::timestamptz, %(ends_at)s::timestamptz - interval '1 second', interval '15 minutes') AS at
    ) moments
  ) homes
) powers
ON CONFLICT DO NOTHING
"""


# What a dishwasher draws in the quarter-hours of its program [kW], and how two strings share a roof by the hour.
_POINTS = """
INSERT INTO telemetry_point (series_id, at, value)
SELECT %(series)s, at + interval '15 minutes',
  CASE %(what)s
    WHEN 'dishwasher' THEN CASE
      WHEN date_part('isodow', at) IN (1, 3, 4, 6, 7) AND quarter BETWEEN 80 AND 85
        THEN (ARRAY[1.8, 0.1, 0, 0.1, 1.8, 0.6])[quarter - 79] ELSE 0 END
    ELSE (1 + 0.1 * sin(date_part('doy', at) * ascii(%(what)s))) * greatest(0, -pv_kw)
      * (0.5 + CASE %(what)s WHEN 'West' THEN 0.03 ELSE -0.03 END * (quarter - 50) / 12.0)
      * CASE WHEN %(what)s = 'East' AND at > %(faulty_from)s THEN 0.8 ELSE 1 END
  END
FROM (
  SELECT at, pv_kw, (date_part('hour', at) * 4 + date_part('minute', at) / 15)::int + 8 AS quarter
  FROM telemetry_quarter WHERE site_id = %(site)s AND at >= %(starts_at)s AND at < %(ends_at)s
) quarters
ON CONFLICT DO NOTHING
"""


# The dishwasher's part of what the home draws.
_DRAWN = """
UPDATE telemetry_quarter q SET load_kw = load_kw + p.value, grid_kw = grid_kw + p.value
FROM telemetry_point p
WHERE q.site_id = %(site)s AND p.series_id = %(series)s AND p.at = q.at + interval '15 minutes' AND p.value > 0
"""


def add_points(site_id: int, *, starts_at: datetime, ends_at: datetime, faulty_from: datetime) -> None:
    """Give a home what its hub tells of a dishwasher and of two strings, of which the eastern one fails."""
    first, last = (int(at.timestamp()) // 86_400 for at in (starts_at, ends_at))
    ensure_days("telemetry_point", range(first, last + 1))
    for resource, quantity in (
        ("dishwasher", "power_kw"),
        ("roof", "string_kw/East"),
        ("roof", "string_kw/West"),
    ):
        series, _ = Series.objects.get_or_create(site_id=site_id, resource=resource, quantity=quantity)
        what = quantity.partition("/")[2] or resource
        values: dict[str, int | str | datetime] = {
            "series": series.pk,
            "what": what,
            "site": site_id,
            "starts_at": starts_at,
            "ends_at": ends_at,
        }
        with connection.cursor() as cursor:
            cursor.execute(_POINTS, values | {"faulty_from": faulty_from})
            if what == "dishwasher":
                cursor.execute(_DRAWN, {"site": site_id, "series": series.pk})


def add_history(site_ids: Sequence[int], *, days: int, until: datetime) -> int:
    """Give homes quarter-hours of the last `days`; return how many."""
    ends_at = until - timedelta(
        minutes=until.minute % 15, seconds=until.second, microseconds=until.microsecond
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _ROWS, {"sites": list(site_ids), "starts_at": ends_at - timedelta(days=days), "ends_at": ends_at}
        )
        written: int = cursor.rowcount
        fleets_sum_up(cursor, starts_at=ends_at - timedelta(days=1), now=until)
    return written
