"""The person's own list in the portal: there at once, whatever the hour; pages that are open look again."""

from collections.abc import Sequence

from django.db import transaction

from apps.common.redis import publish


def show(*, site_ids: Sequence[int]) -> None:
    """Let open pages of these homes look again once the messages are committed."""
    if site_ids:
        transaction.on_commit(lambda: publish("live", list(site_ids)))
