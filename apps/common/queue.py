"""Enqueue tasks by name after commit, so that services never import tasks."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string


def enqueue_on_commit(task: str, /, **arguments: Any) -> None:
    """Send the task `task` with `arguments` once the surrounding transaction has committed."""

    def send() -> None:
        # Imported here: only a process that enqueues needs Celery.
        import_string(settings.CELERY_APP).send_task(task, kwargs=arguments)

    transaction.on_commit(send)
