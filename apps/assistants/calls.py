"""Calls to the makers: JSON or a form there, JSON back; the addresses are the operator's settings."""

import json
from typing import Any
from urllib.parse import urlencode

from apps.assistants.errors import NotTakenError
from apps.common.outgoing.addresses import CallbackError, target_of
from apps.common.outgoing.http import exchange


def post_json(url: str, content: dict[str, Any], *, token: str) -> tuple[int, dict[str, Any]]:
    """Post JSON with a bearer token; return the status and what was answered."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    return _post(url, json.dumps(content, separators=(",", ":")).encode(), headers=headers)


def post_form(url: str, **fields: str) -> tuple[int, dict[str, Any]]:
    """Post a form; return the status and what was answered."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return _post(url, urlencode(fields).encode(), headers=headers)


def _post(url: str, body: bytes, *, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    try:
        status, answer = exchange(target_of(url), "POST", headers=headers, body=body)
    except CallbackError as error:
        raise NotTakenError(error.detail) from error
    try:
        told = json.loads(answer)
    except ValueError:
        told = {}
    return status, told if isinstance(told, dict) else {}


def text_of(answer: dict[str, Any], name: str) -> str:
    """Return a text of an answer; nothing where it is none."""
    held = answer.get(name)
    return held if isinstance(held, str) else ""
