"""Claim codes as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.protocols.link import auth


def test_signed_bytes_are_exact() -> None:
    assert auth.register_payload("a+b=", "00ff") == b"ores-register:a+b=:00ff"
    assert auth.authenticate_payload("hub", "ch") == b"ores-authenticate:hub:ch"


def test_claim_code_of_known_bytes() -> None:
    assert auth.make_claim_code(bytes(7)) == "00000-00000"
    assert auth.make_claim_code(b"\xff" * 7) == "ZZZZZ-ZZZZZ"
    with pytest.raises(ValueError, match="7 random bytes"):
        auth.make_claim_code(bytes(6))


@given(st.binary(min_size=7, max_size=7))
def test_typed_carelessly_it_is_the_same_code(random: bytes) -> None:
    code = auth.make_claim_code(random)
    plain = code.replace("-", "")
    careless = code.lower().replace("0", "o").replace("1", "l")
    assert auth.normalize_claim_code(code) == plain
    assert auth.normalize_claim_code(f"  {careless} ") == plain
    assert auth.normalize_claim_code(plain.replace("1", "I").replace("0", "O")) == plain
    assert auth.claim_digest(careless) == auth.claim_digest(code)


@pytest.mark.parametrize(
    "typed", ["", "ABCDE", "ABCDE-FGHJKM", "UUUUU-UUUUU", "ABCDE-FGHJ!", "é" * 10, "A" * 10_000]
)
def test_what_cannot_be_a_code_is_refused(typed: str) -> None:
    with pytest.raises(auth.ClaimCodeError):
        auth.normalize_claim_code(typed)


@given(st.text(max_size=50))
def test_any_text_gives_a_code_or_the_named_error(typed: str) -> None:
    try:
        plain = auth.normalize_claim_code(typed)
    except auth.ClaimCodeError:
        return
    assert len(plain) == 10
    assert set(plain) <= set(auth.ALPHABET)
