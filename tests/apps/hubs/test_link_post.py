"""The hub link over HTTPS POST: the same messages, answered when everything is committed."""

import time

import pytest
from django.db import connection, transaction

from apps.hubs import services
from apps.hubs.link import app as link_app
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, Link
from tests.apps.hubs.test_link_websocket import batch, order, site_of
from tests.factories import HubDevice
from vpp.protocols.link import codec
from vpp.protocols.link.messages import Ack, Hello, Instruction, LinkError, Welcome

pytestmark = COMMITTED


def hello(device: HubDevice) -> Hello:
    return Hello(hub_id=device.hub_id, boot_id="boot-1")


def test_batch_is_committed_when_the_answer_comes(link: Link, device: HubDevice) -> None:
    welcome, ack = link.post(device, [hello(device), batch()])
    assert isinstance(welcome, Welcome)
    assert (welcome.site_id, ack) == (site_of(device).pk, Ack("live", 0, stored=3))
    assert len(factories.rows_of(site_of(device).pk)) == 3


def test_several_batches_are_acknowledged_together(link: Link, device: HubDevice) -> None:
    ends = int(time.time() * 1000)
    batches = [batch(seq, ends_ms=ends - (2 - seq) * 180_000) for seq in range(3)]
    answer = link.post(device, [hello(device), *batches])
    assert answer[-1] == Ack("live", 2, stored=3)
    assert len(factories.rows_of(site_of(device).pk)) == 9


def test_replayed_post_stores_nothing_twice(link: Link, device: HubDevice) -> None:
    message = batch()
    for _ in range(2):
        link.post(device, [hello(device), message])
    assert len(factories.rows_of(site_of(device).pk)) == 3


def test_answer_carries_instructions(link: Link, device: HubDevice) -> None:
    queued = order(device)
    answer = link.post(device, [hello(device)])
    assert [one.id for one in answer if isinstance(one, Instruction)] == [str(queued.instruction_id)]


def test_messages_before_hello_are_refused(link: Link, device: HubDevice) -> None:
    (error,) = link.post(device, [batch()])
    assert isinstance(error, LinkError)
    assert error.code == "hello_first"
    assert factories.rows_of(site_of(device).pk) == []


def test_messagepack_is_answered_in_messagepack(link: Link, device: HubDevice) -> None:
    body = codec.encode_msgpack([hello(device), batch()])
    answer = link.request("POST", body, token=device.token(), content_type="application/msgpack")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/msgpack")
    assert codec.decode_cloud_list(answer.body, binary=True)[1] == Ack("live", 0, stored=3)


def test_get_is_not_allowed(link: Link, device: HubDevice) -> None:
    answer = link.request("GET", token=device.token())
    assert (answer.status, answer.json["code"], answer.headers["allow"]) == (
        405, "method_not_allowed", "POST",
    )  # fmt: skip


@pytest.mark.parametrize(("token", "code"), [("", "token_missing"), ("invented", "token_invalid")])
def test_stranger_is_refused(link: Link, token: str, code: str) -> None:
    answer = link.request("POST", b"[]", token=token)
    assert (answer.status, answer.json["code"]) == (401, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_revoked_hub_is_refused(link: Link, device: HubDevice) -> None:
    token = device.token()
    assert link.request("POST", b"[]", token=token).status == 200
    organization = site_of(device).organization
    services.hub_revoke(organization=organization, hub_id=device.hub_id, actor="test", now=factories.NOW)
    time.sleep(0.1)  # the note goes over Redis
    answer = link.request("POST", codec.encode_json([hello(device), batch()]), token=token)
    assert (answer.status, answer.json["code"]) == (403, "hub_revoked")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed"),
        (b"{", "invalid_message"),
        (b"\xff", "malformed"),
        (b"{}", "invalid_message"),
        (b"[1]", "invalid_message"),
        (b"[" * 100_000, "invalid_message"),
    ],
)
def test_body_that_cannot_be_read_is_refused(link: Link, device: HubDevice, body: bytes, code: str) -> None:
    answer = link.request("POST", body, token=device.token())
    assert (answer.status, answer.json["code"]) == (400, code)


def test_body_beyond_the_limit_is_refused(link: Link, device: HubDevice) -> None:
    answer = link.request("POST", b" " * (link_app.MAX_BODY + 1), token=device.token())
    assert (answer.status, answer.json["code"]) == (413, "too_large")


def test_store_that_is_too_slow_says_try_again(
    link: Link, device: HubDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_app, "POST_LIMIT_S", 0.3)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE telemetry_snapshot IN SHARE ROW EXCLUSIVE MODE")
        answer = link.request("POST", codec.encode_json([hello(device), batch()]), token=device.token())
    assert (answer.status, answer.json["code"]) == (503, "storage_slow")
