import hashlib
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest

from vpp.settlement.errors import SettlementError
from vpp.settlement.fingerprint import fingerprint

AT = datetime(2026, 1, 15, 17, tzinfo=UTC)


def test_it_is_the_hash_of_canonical_json() -> None:
    inputs = {"b": Decimal("1.50"), "a": [AT, math.nan, 1, 0.1, None, True, "é"], "c": date(2026, 1, 15)}
    text = '{"a":["2026-01-15T17:00:00+00:00",null,1,0.1,null,true,"\\u00e9"],"b":"1.5","c":"2026-01-15"}'
    assert fingerprint(inputs) == hashlib.sha256(text.encode()).hexdigest()


def test_equal_inputs_written_differently_have_one_hash() -> None:
    assert fingerprint({"x": Decimal("1E+2")}) == fingerprint({"x": Decimal("100.0")})
    assert fingerprint({"x": Decimal("-0.00")}) == fingerprint({"x": Decimal(0)})
    assert fingerprint({"x": AT}) == fingerprint({"x": AT.astimezone(timezone(timedelta(hours=1)))})
    assert fingerprint({"x": np.array([[1.0, np.nan]])}) == fingerprint({"x": ((1.0, None),)})
    assert fingerprint({"x": np.float64(2.5)}) == fingerprint({"x": 2.5})


@pytest.mark.parametrize(
    "wrong",
    [math.inf, Decimal("NaN"), AT.replace(tzinfo=None), {1: 2}, b"bytes", object(), np.array([math.inf])],
)
def test_what_cannot_be_hashed_is_refused(wrong: object) -> None:
    with pytest.raises(SettlementError):
        fingerprint({"x": wrong})
