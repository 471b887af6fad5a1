"""Nightly work of insights."""

from celery import current_app, shared_task

from apps.common import clock
from apps.insights.services import insights_refresh
from apps.sites.selectors import all_site_ids

CHUNK = 200


@shared_task(name="insights.refresh")
def refresh() -> None:
    """Have all homes looked at, some at a time."""
    ids = all_site_ids()
    for start in range(0, len(ids), CHUNK):
        current_app.send_task("insights.refresh_sites", kwargs={"site_ids": ids[start : start + CHUNK]})


@shared_task(name="insights.refresh_sites")
def refresh_sites(*, site_ids: list[int]) -> None:
    """Look at some homes."""
    for site_id in site_ids:
        insights_refresh(site_id=site_id, now=clock.now())
