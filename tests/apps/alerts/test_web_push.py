"""Web Push against a push service of this machine that opens what it is sent, by the RFCs' own formulas."""

import base64
import json
import os
from datetime import datetime

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import LazySettings

from apps.alerts.errors import SettingsInvalidError
from apps.alerts.models import Delivery, NotificationKind, PushSubscription
from apps.alerts.notifications import person_tell
from apps.alerts.outbox import deliveries_send
from apps.alerts.preferences import MOST_BROWSERS, push_subscribe, push_unsubscribe
from apps.alerts.vapid import public_key
from tests.apps.alerts.conftest import Call, Receiver
from tests.apps.portal.world import World


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


class Browser:
    """What a browser keeps of its subscription, and how it reads a message (RFC 8291 § 3.4, RFC 8188)."""

    def __init__(self, endpoint: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)
        self.subscription = {
            "endpoint": endpoint,
            "keys": {"p256dh": encoded(point(self.key.public_key())), "auth": encoded(self.auth)},
        }

    def read(self, body: bytes) -> bytes:
        salt, key_length = body[:16], body[20]
        sender = body[21 : 21 + key_length]
        shared = self.key.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        )
        info = b"WebPush: info\x00" + point(self.key.public_key()) + sender
        ikm = HKDF(hashes.SHA256(), length=32, salt=self.auth, info=info).derive(shared)
        content_key = HKDF(
            hashes.SHA256(), length=16, salt=salt, info=b"Content-Encoding: aes128gcm\x00"
        ).derive(ikm)
        nonce = HKDF(hashes.SHA256(), length=12, salt=salt, info=b"Content-Encoding: nonce\x00").derive(ikm)
        plain = AESGCM(content_key).decrypt(nonce, body[21 + key_length :], None)
        assert plain.rstrip(b"\x00")[-1:] == b"\x02"  # the last record
        return plain.rstrip(b"\x00")[:-1]


def claims_of(call: Call) -> dict[str, object]:
    """Check the VAPID token's signature with the key it came with, and that this is ours; return its claims."""
    scheme, _, rest = call.headers["Authorization"].partition(" ")
    parts = dict(one.strip().split("=", 1) for one in rest.split(","))
    header, claims, signed = parts["t"].split(".")
    raw = decoded(signed)
    signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(parts["k"]))
    key.verify(signature, f"{header}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    assert (scheme, parts["k"], json.loads(decoded(header))["alg"]) == ("vapid", public_key(), "ES256")
    found: dict[str, object] = json.loads(decoded(claims))
    return found


def subscribed(world: World, receiver: Receiver, *, now: datetime) -> Browser:
    browser = Browser(receiver.url)
    push_subscribe(user=world.owner, subscription=browser.subscription, browser="Firefox on Linux", now=now)
    return browser


def tell(world: World, *, now: datetime, key: str = "1") -> None:
    person_tell(user=world.owner, kind=NotificationKind.TEST, key=key, facts={}, now=now)
    Delivery.objects.exclude(channel="web_push").delete()


def test_only_the_browser_reads_what_the_push_service_is_given(
    world: World, now: datetime, receiver: Receiver
) -> None:
    receiver.status = 201
    browser = subscribed(world, receiver, now=now)
    tell(world, now=now)
    assert deliveries_send(now=now) == 1
    call = receiver.calls[0]
    content = json.loads(browser.read(call.body))
    assert (content["title"], content["path"]) == ("This is a test", "/notifications/")
    assert b"This is a test" not in call.body
    headers = {name: call.headers[name] for name in ("Content-Encoding", "TTL", "Urgency")}
    assert headers == {"Content-Encoding": "aes128gcm", "TTL": "86400", "Urgency": "high"}


def test_the_push_service_can_tell_who_we_are(world: World, now: datetime, receiver: Receiver) -> None:
    receiver.status = 201
    subscribed(world, receiver, now=now)
    tell(world, now=now)
    deliveries_send(now=now)
    claims = claims_of(receiver.calls[0])
    assert claims["aud"] == receiver.url.removesuffix("/hear")
    assert str(claims["sub"]).startswith("mailto:")


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(
    world: World, now: datetime, receiver: Receiver, status: int
) -> None:
    subscribed(world, receiver, now=now)
    receiver.status = status
    tell(world, now=now)
    assert deliveries_send(now=now) == 0
    assert (PushSubscription.objects.count(), Delivery.objects.get().state) == (0, "dead")


def test_a_push_service_in_trouble_is_asked_again(world: World, now: datetime, receiver: Receiver) -> None:
    subscribed(world, receiver, now=now)
    receiver.status = 503
    tell(world, now=now)
    deliveries_send(now=now)
    held = Delivery.objects.get()
    assert (held.state, held.error) == ("waiting", "the push service answered 503")
    receiver.status = 201
    assert (deliveries_send(now=held.next_attempt_at), PushSubscription.objects.count()) == (1, 1)


def test_what_is_no_subscription_is_refused(world: World, now: datetime, receiver: Receiver) -> None:
    good = Browser(receiver.url).subscription
    keys = good["keys"]
    assert isinstance(keys, dict)
    wrong: list[dict[str, object]] = [
        {},
        {**good, "endpoint": 7},
        {**good, "endpoint": "file:///etc/passwd"},
        {**good, "keys": "none"},
        {**good, "keys": {**keys, "auth": "c2hvcnQ"}},
        {**good, "keys": {**keys, "p256dh": encoded(b"\x04" + bytes(64))}},
        {**good, "keys": {**keys, "p256dh": "!"}},
    ]
    for one in wrong:
        with pytest.raises(SettingsInvalidError):
            push_subscribe(user=world.owner, subscription=one, browser="", now=now)
    assert PushSubscription.objects.count() == 0


def test_a_push_service_on_this_machine_is_refused_in_earnest(world: World, now: datetime) -> None:
    with pytest.raises(SettingsInvalidError):
        push_subscribe(
            user=world.owner, subscription=Browser("https://127.0.0.1/x").subscription, browser="", now=now
        )


def test_a_browser_belongs_to_whoever_subscribed_it_last_and_there_are_not_endless_many(
    world: World, now: datetime, receiver: Receiver
) -> None:
    browser = subscribed(world, receiver, now=now)
    push_subscribe(user=world.stranger, subscription=browser.subscription, browser="", now=now)
    assert PushSubscription.objects.get().user == world.stranger
    assert push_unsubscribe(user=world.owner, endpoint=receiver.url) is False
    for one in range(MOST_BROWSERS + 2):
        push_subscribe(
            user=world.owner, subscription=Browser(f"{receiver.url}/{one}").subscription, browser="", now=now
        )
    held = PushSubscription.objects.filter(user=world.owner).order_by("pk")
    assert [one.endpoint.rsplit("/", 1)[1] for one in held][:1] == ["2"]
    assert held.count() == MOST_BROWSERS


def test_a_key_that_is_set_is_the_one_that_browsers_get(settings: LazySettings) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    derived = public_key()
    # The private number is what is set, so that keys made by common tools can be used.
    settings.WEB_PUSH_PRIVATE_KEY = encoded(key.private_numbers().private_value.to_bytes(32))
    assert public_key() == encoded(point(key.public_key()))
    assert public_key() != derived
