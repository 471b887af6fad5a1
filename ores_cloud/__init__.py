"""Wiring only: settings, URLs, ASGI, Celery, embedded services, the supervisor and the demo."""
