"""JSON bodies: whatever is wrong with one is a ParseError, what is right comes through unchanged."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from apps.common.parsers import StrictJSONParser

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda parts: st.lists(parts) | st.dictionaries(text, parts),
)


def parse(body: bytes) -> Any:
    return StrictJSONParser().parse(io.BytesIO(body))


@given(bodies)
def test_good_bodies_come_through(body: Any) -> None:
    assert parse(json.dumps(body).encode()) == body
    assert parse(json.dumps(body, ensure_ascii=False).encode()) == body


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse(body)
    except ParseError as error:
        assert error.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"NaN",
        b"-Infinity",
        b"1e400",
        b'{"a": [1e999]}',
        b'"\\u0000"',
        b'{"\\u0000": 1}',
        b'["\\ud800"]',
        b"[" * 100_000,
        b"\xff",
        b"9" * 5000,
    ],
)
def test_what_cannot_be_kept_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(body)


@pytest.mark.parametrize("body", ["\\u0000", "\\ud800", "a \\\\u0000 b"])
def test_backslashes_in_text_are_no_escapes(body: str) -> None:
    assert parse(json.dumps(body).encode()) == body
