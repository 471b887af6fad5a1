"""Enqueue tasks by name after commit, so that services never import tasks."""

import functools
from typing import Any

from celery import current_app
from django.db import transaction


def enqueue_on_commit(task: str, /, **arguments: Any) -> None:
    """Send the task `task` with `arguments` once the surrounding transaction has committed."""
    transaction.on_commit(functools.partial(current_app.send_task, task, kwargs=arguments))
