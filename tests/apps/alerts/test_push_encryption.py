"""The example of RFC 8291, section 5 and appendix A."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from apps.alerts.push_encryption import seal

CONTENT = b"When I grow up, I want to be a watermelon"
RECEIVER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SENDER_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_published_message_comes_out_byte_for_byte() -> None:
    key = derive_private_key(int.from_bytes(decoded(SENDER_PRIVATE), "big"), SECP256R1())
    made = seal(CONTENT, p256dh=decoded(RECEIVER), auth=decoded(AUTH), key=key, salt=decoded(SALT))
    assert urlsafe_b64encode(made).decode().rstrip("=") == SEALED


def test_no_two_messages_look_alike() -> None:
    one, other = (seal(CONTENT, p256dh=decoded(RECEIVER), auth=decoded(AUTH)) for _ in range(2))
    assert one != other
