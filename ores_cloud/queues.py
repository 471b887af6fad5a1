"""How tasks travel and which come by the clock; shared by the worker's application and the light one of beat."""

from datetime import timedelta
from typing import Any


def broker_url(redis_url: str) -> str:
    """Return Celery's form of a Redis URL (unix sockets are spelled differently)."""
    return redis_url.replace("unix://", "redis+socket://", 1)


def configuration(*, redis_url: str, prefix: str, scale: float) -> dict[str, Any]:
    """Return Celery's settings; `scale` is how fast the domain clock runs."""
    return {
        "broker_url": broker_url(redis_url),
        "broker_transport_options": {"global_keyprefix": prefix, "visibility_timeout": 3600},
        "broker_connection_retry_on_startup": True,
        "task_ignore_result": True,
        "result_backend": broker_url(redis_url),
        "result_backend_transport_options": {"global_keyprefix": prefix},
        "result_expires": 600,
        "task_acks_late": True,
        "task_default_queue": "default",
        "task_routes": {
            "telemetry.*": {"queue": "ingest"},
            "dispatch.shard_*": {"queue": "shards"},
            "dispatch.*": {"queue": "dispatch"},
            "openadr.*": {"queue": "openadr"},
            "markets.*": {"queue": "market"},
        },
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "timezone": "UTC",
        "beat_schedule": beat_schedule(scale),
    }


def beat_schedule(scale: float) -> dict[str, dict[str, Any]]:
    """Return the periodic tasks; their periods are domain time, never below half a machine second."""

    def every(task: str, *, minutes: float, expires_s: int = 60) -> dict[str, Any]:
        period = timedelta(seconds=max(0.5, minutes * 60 / scale))
        return {"task": task, "schedule": period, "options": {"expires": expires_s}}

    return {
        "track grid signals": every("dispatch.tick", minutes=1, expires_s=30),
        "tell assistants of changes": every("assistants.look", minutes=1, expires_s=30),
        "tell people what is due": every("alerts.deliver_due", minutes=0.5, expires_s=25),
        "watch webhooks and new sites": every("alerts.watch", minutes=1, expires_s=30),
        "watch hubs": every("hubs.watch", minutes=1, expires_s=30),
        "watch measurements": every("telemetry.watch", minutes=1, expires_s=30),
        "watch events": every("dispatch.watch", minutes=1, expires_s=30),
        "watch settlement": every("settlement.watch", minutes=5, expires_s=120),
        "watch markets": every("markets.watch", minutes=1, expires_s=30),
        "watch connections": every("openadr.watch", minutes=1, expires_s=30),
        "tell of trades": every("markets.tell_summaries", minutes=60, expires_s=1800),
        "delete old alerts": every("alerts.delete_old", minutes=720, expires_s=1800),
        "roll up measurements": every("telemetry.roll_up", minutes=5),
        "refresh portfolios": every("flexibility.refresh_portfolios", minutes=5),
        "look for insights": every("insights.refresh", minutes=1440, expires_s=3600),
        "end opt-out periods": every("programs.end_opt_out_periods", minutes=1, expires_s=30),
        "keep partitions": every("telemetry.keep_partitions", minutes=360),
        "issue forecasts": every("flexibility.issue_forecasts", minutes=60, expires_s=1800),
        "expire instructions": every("hubs.expire_instructions", minutes=1, expires_s=30),
        "advance updates": every("hubs.advance_campaigns", minutes=1, expires_s=30),
        "keep firmware fresh": every("hubs.refresh_firmware", minutes=360, expires_s=3600),
        "settle ended signals": every("settlement.settle_due", minutes=1, expires_s=30),
        "close markets' gates": every("markets.gates", minutes=0.5, expires_s=25),
        "tell markets' prices": every("openadr.publish_market_prices", minutes=0.5, expires_s=25),
        "settle markets' deliveries": every("markets.deliveries", minutes=5, expires_s=120),
        "settle markets on a chain": every("markets.chain", minutes=10, expires_s=300),
        "settle sharing": every("markets.sharing", minutes=60, expires_s=1800),
        "true up settlements": every("settlement.true_up_due", minutes=60, expires_s=600),
        "notify subscribers again": every("openadr.deliver_due", minutes=0.5, expires_s=30),
        "move on events without end": every("openadr.extend_events", minutes=60, expires_s=1800),
        "forget old answers": every("common.forget_old", minutes=60, expires_s=1800),
        "end homes and copies": every("privacy.look", minutes=60, expires_s=1800),
        "delete old messages": every("openadr.delete_old", minutes=720, expires_s=1800),
        "make reports asked for": every("openadr.produce_reports", minutes=1, expires_s=30),
        "report settled signals": every("openadr.report_due", minutes=1, expires_s=30),
    }
