"""Times of which a hub says that it had to give its rows up."""

from datetime import UTC, datetime

from apps.telemetry import models
from vpp.protocols.link.messages import Gap


def gap_store(*, site_id: int, message: Gap, now: datetime) -> None:
    """Note a gap; the same one told twice is one."""
    models.Gap.objects.get_or_create(
        site_id=site_id,
        starts_at=datetime.fromtimestamp(message.starts_at / 1000, UTC),
        ends_at=datetime.fromtimestamp(message.ends_at / 1000, UTC),
        defaults={"rows": message.rows, "reason": message.reason[:200], "received_at": now},
    )
