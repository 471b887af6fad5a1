"""JSON as it may come in: finite numbers, text that the database can keep, and no bottomless nesting."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser


class StrictJSONParser(BaseParser):
    """Whatever is wrong with a body is a 400, never a failure further in."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        encoding = (parser_context or {}).get("encoding", settings.DEFAULT_CHARSET)
        try:
            text = stream.read().decode(encoding)
            body = json.loads(text, parse_constant=_no_number, parse_float=_finite)
            if "\\u0000" in text or "\\ud" in text.lower():
                _check_text(body)
        except (ValueError, LookupError) as error:
            raise ParseError(f"the body is not JSON that can be read: {error}") from error
        except RecursionError as error:
            raise ParseError("the body is nested too deeply") from error
        return body


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is out of range")
    return number


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("text with a NUL character")
        value.encode()  # a lone surrogate cannot be encoded
    elif isinstance(value, dict):
        for name, part in value.items():
            _check_text(name)
            _check_text(part)
    elif isinstance(value, list):
        for part in value:
            _check_text(part)
