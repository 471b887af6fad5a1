"""Pass Alexa's directives on to ORES Cloud, and its answers back: an AWS Lambda function of the standard library alone.

ORES_ALEXA_URL is where to: https://<host>/assistants/alexa. Nothing is kept and nothing logged: directives hold tokens.
"""

import http.client
import json
import os
import re
import urllib.error
import urllib.request
import uuid
from typing import Any

TIMEOUT_S = 6.0  # Alexa waits 8 s
MOST_BYTES = 1_000_000
KEY = re.compile(r"[\w=#;:?@&-]{1,256}", re.ASCII)  # what Alexa takes for an endpoint's id


def handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Return the platform's answer to a directive, or an ErrorResponse where there is none."""
    try:
        answer = json.loads(_post(os.environ["ORES_ALEXA_URL"], json.dumps(event).encode()))
    except (OSError, http.client.HTTPException, ValueError):
        return _failed(event)
    return answer if isinstance(answer, dict) and "event" in answer else _failed(event)


def _post(url: str, body: bytes) -> bytes:
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise ValueError("directives hold tokens: they go by https only")
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=TIMEOUT_S) as response:
            return bytes(response.read(MOST_BYTES))
    except urllib.error.HTTPError as refused:  # the platform says in Alexa's words what was wrong
        with refused:
            return bytes(refused.read(MOST_BYTES))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token is shown to nobody else."""

    def redirect_request(self, *_arguments: Any, **_more: Any) -> None:
        return None


def _failed(event: Any) -> dict[str, Any]:
    directive = _part(event, "directive")
    header = {
        "namespace": "Alexa",
        "name": "ErrorResponse",
        "messageId": str(uuid.uuid4()),
        "payloadVersion": "3",
    }
    correlation = _part(directive, "header").get("correlationToken")
    if isinstance(correlation, str) and correlation:
        header["correlationToken"] = correlation
    made: dict[str, Any] = {
        "header": header,
        "payload": {"type": "INTERNAL_ERROR", "message": "ORES Cloud does not answer"},
    }
    endpoint_id = _part(directive, "endpoint").get("endpointId")
    if isinstance(endpoint_id, str) and KEY.fullmatch(endpoint_id):
        made["endpoint"] = {"endpointId": endpoint_id}
    return {"event": made}


def _part(held: Any, name: str) -> dict[str, Any]:
    found = held.get(name) if isinstance(held, dict) else None
    return found if isinstance(found, dict) else {}
