"""People are told each thing once, by the ways they want, not in their quiet hours."""

import asyncio
import contextlib
import email
import threading
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from django.conf import LazySettings
from django.core import mail
from django.test import Client

from apps.alerts.defaults import CHOSEN_KINDS
from apps.alerts.errors import SettingsInvalidError, UnsubscribeError
from apps.alerts.models import Channel, ChannelChoice, Delivery, Notification, NotificationKind
from apps.alerts.notifications import Message, household_tell, households_tell, person_tell
from apps.alerts.outbox import MOST_ATTEMPTS, deliveries_send
from apps.alerts.preferences import choice_set, choices_set, own_webhook_set, quiet_set
from apps.alerts.unsubscribing import unsubscribe
from apps.alerts.wording import words_of
from tests.apps.alerts.conftest import Receiver
from tests.apps.portal.world import World

Kind = NotificationKind
FACTS: dict[str, dict[str, Any]] = {
    Kind.EVENT_COMING: {
        "signal_id": "6f9619ff-8b86-d011-b42d-00c04fc964ff", "name": "Evening peak",
        "starts_at": "2026-06-17T17:00:00+00:00", "ends_at": "2026-06-17T19:00:00+00:00",
    },
    Kind.EVENT_ENDED: {"statement_id": 7, "name": "Evening peak", "delivered_kwh": "3.5", "amount": "1.75", "currency": "EUR"},
    Kind.OPTED_OUT: {"signal_id": "6f9619ff-8b86-d011-b42d-00c04fc964ff", "name": "Evening peak", "by": "kim@example.org"},
    Kind.HUB_OFFLINE: {"since": "2026-06-17T16:00:00+00:00"},
    Kind.HUB_BACK: {"since": "2026-06-17T16:00:00+00:00", "at": "2026-06-17T17:00:00+00:00"},
    Kind.DEVICE_FAULT: {"device": "Inverter", "trouble": "no answer"},
    Kind.STATEMENT_READY: {"statement_id": 7, "name": "Evening peak", "amount": "1.75", "currency": "EUR", "why": "final"},
    Kind.PAYOUT: {"amount": "12.5", "currency": "EUR", "market": "East"},
    Kind.MARKET_SUMMARY: {
        "market": "East", "date": "2026-06-16", "bought_kwh": 1.5, "sold_kwh": 0.25, "amount": "-0.3", "currency": "EUR",
    },
    Kind.TERMS_CHANGED: {"market": "East", "version": 2},
    Kind.SECURITY: {"what": "sign_in", "browser": "Firefox on Linux"},
    Kind.TEST: {},
}  # fmt: skip


def tell(world: World, kind: str, key: str = "one", *, now: datetime, **more: Any) -> int:
    return household_tell(site_id=world.sites[0].pk, kind=kind, key=key, facts=FACTS[kind], now=now, **more)


def channels() -> list[tuple[str, str]]:
    rows = Delivery.objects.order_by("notification__user__email", "channel")
    return list(rows.values_list("notification__user__email", "channel"))


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_says_something_and_leads_somewhere(world: World, now: datetime, kind: str) -> None:
    tell(world, kind, now=now)
    words = words_of(Notification.objects.filter(user=world.owner).get())
    assert "%(" not in words.title + words.text
    assert (words.title.strip(), words.text.strip()) != ("", "")
    assert words.path.startswith(("/sites/", "/notifications/", "/account/"))


def test_words_use_the_homes_clock_and_money(world: World, now: datetime) -> None:
    tell(world, Kind.EVENT_COMING, now=now)
    tell(world, Kind.EVENT_ENDED, now=now)
    coming, ended = (words_of(one) for one in Notification.objects.filter(user=world.owner).order_by("pk"))
    assert coming.title == "Evening peak: 17 Jun, 19:00 to 21:00"
    assert coming.path == f"/sites/{world.sites[0].pk}/events/{FACTS[Kind.EVENT_COMING]['signal_id']}/"
    assert ended.title.replace("\u202f", " ") == "Evening peak is over: 1.75 €"


def test_the_household_is_told_once_and_nobody_else(world: World, now: datetime) -> None:
    assert (tell(world, Kind.STATEMENT_READY, now=now), tell(world, Kind.STATEMENT_READY, now=now)) == (2, 0)
    assert channels() == [("member@example.org", "email"), ("owner@example.org", "email")]
    assert set(Notification.objects.values_list("user__email", flat=True)) == {
        "owner@example.org",
        "member@example.org",
    }


def test_choices_decide_the_channels_and_only_differences_are_kept(world: World, now: datetime) -> None:
    defaults = {("event_coming", "email"), ("hub_offline", "in_app")}
    choices_set(user=world.owner, wanted=defaults)
    choices_set(user=world.member, wanted=set())
    tell(world, Kind.EVENT_COMING, now=now)
    assert channels() == [("owner@example.org", "email")]
    assert Notification.objects.get(user=world.owner).in_app is False
    with pytest.raises(SettingsInvalidError):
        choices_set(user=world.owner, wanted={("event_coming", "pigeon")})
    choice_set(user=world.owner, kind=Kind.EVENT_COMING, channel=Channel.EMAIL, wanted=False)
    assert ChannelChoice.objects.get(user=world.owner, kind="event_coming", channel="email").wanted is False


def test_security_reaches_people_whatever_they_chose(world: World, now: datetime) -> None:
    choices_set(user=world.owner, wanted=set())
    person_tell(user=world.owner, kind=Kind.SECURITY, key="x", facts=FACTS[Kind.SECURITY], now=now)
    assert channels() == [("owner@example.org", "email")]
    assert Notification.objects.get().in_app is True


def test_quiet_hours_delay_what_can_wait(world: World, now: datetime) -> None:
    for user in (world.owner, world.member):
        quiet_set(user=user, start=time(18), end=time(20))  # it is 18:50
    tell(world, Kind.STATEMENT_READY, now=now)
    tell(world, Kind.DEVICE_FAULT, now=now)
    rows = Delivery.objects.filter(notification__user=world.owner, channel="email")
    due = dict(rows.values_list("notification__kind", "next_attempt_at"))
    assert due == {"statement_ready": now.replace(hour=18, minute=0, second=0), "device_fault": now}
    assert deliveries_send(now=now) == 2
    assert deliveries_send(now=now + timedelta(hours=2)) == 2


def test_what_would_come_too_late_does_not_wait(world: World, now: datetime) -> None:
    choice_set(user=world.owner, kind=Kind.EVENT_COMING, channel=Channel.EMAIL, wanted=True)
    quiet_set(user=world.owner, start=time(18), end=time(20))
    tell(world, Kind.EVENT_COMING, "soon", now=now, needed_by=now + timedelta(minutes=30))
    tell(world, Kind.EVENT_COMING, "later", now=now, needed_by=now + timedelta(hours=5))
    due = Delivery.objects.filter(channel="email").order_by("pk").values_list("next_attempt_at", flat=True)
    assert list(due) == [now, now.replace(hour=18, minute=0, second=0)]


def test_quiet_hours_need_both_ends(world: World) -> None:
    for start, end in ((time(22), None), (None, time(7)), (time(7), time(7))):
        with pytest.raises(SettingsInvalidError):
            quiet_set(user=world.owner, start=start, end=end)


def test_many_homes_are_told_in_few_queries(
    world: World, now: datetime, django_assert_max_num_queries: Any
) -> None:
    messages = [Message(world.sites[0].pk, f"n{one}", FACTS[Kind.HUB_BACK]) for one in range(300)]
    with django_assert_max_num_queries(15):
        assert households_tell(kind=Kind.HUB_BACK, messages=messages, now=now) == 600


def test_mail_has_text_html_and_a_link_to_stop_it(world: World, now: datetime) -> None:
    tell(world, Kind.STATEMENT_READY, now=now)
    assert deliveries_send(now=now) == 2
    sent = next(one for one in mail.outbox if one.to == ["owner@example.org"])
    html = sent.alternatives[0][0]  # type: ignore[attr-defined]
    stop = sent.extra_headers["List-Unsubscribe"].strip("<>")
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for part in (sent.body, html):
        assert "is final" in part and stop in part and "/statements/7/" in part
    assert "<h1>" in html and "<" not in sent.body.replace(stop, "")
    one_click = Client(enforce_csrf_checks=True).post(
        stop.removeprefix("http://127.0.0.1:8000"), {"List-Unsubscribe": "One-Click"}
    )
    assert one_click.status_code == 200
    tell(world, Kind.STATEMENT_READY, "two", now=now)
    assert channels()[-1] == ("owner@example.org", "email")
    assert channels().count(("owner@example.org", "email")) == 1


def test_looking_at_the_link_stops_nothing_and_a_forged_one_is_refused(world: World, now: datetime) -> None:
    tell(world, Kind.STATEMENT_READY, now=now)
    deliveries_send(now=now)
    link = mail.outbox[0].extra_headers["List-Unsubscribe"].strip("<>")
    path = link.removeprefix("http://127.0.0.1:8000")
    page = Client().get(path)
    assert (page.status_code, b"Stop these e-mails?" in page.content) == (200, True)
    assert Client().post(path.replace("/unsubscribe/", "/unsubscribe/x")).status_code == 400
    assert ChannelChoice.objects.count() == 0


def test_mail_on_security_cannot_be_stopped(world: World, now: datetime) -> None:
    person_tell(user=world.owner, kind=Kind.SECURITY, key="x", facts=FACTS[Kind.SECURITY], now=now)
    deliveries_send(now=now)
    token = mail.outbox[0].extra_headers["List-Unsubscribe"].strip("<>").rstrip("/").rsplit("/", 1)[-1]
    with pytest.raises(UnsubscribeError):
        unsubscribe(token=token)
    assert ChannelChoice.objects.count() == 0


class Mailbox:
    """A mail server's handler that keeps what comes, or refuses it."""

    def __init__(self) -> None:
        self.refusal = ""
        self.messages: list[tuple[list[str], bytes]] = []

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.messages.append((envelope.rcpt_tos, envelope.content))
        return "250 OK"


@contextlib.contextmanager
def serving(box: Mailbox) -> Iterator[int]:
    """Run a mail server on a free port; yield the port."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


def test_mail_goes_through_a_real_server_and_comes_back_from_one_that_refuses(
    world: World, now: datetime, settings: LazySettings
) -> None:
    box = Mailbox()
    with serving(box) as port:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        person_tell(user=world.owner, kind=Kind.TEST, key="1", facts={}, now=now)
        assert deliveries_send(now=now) == 1
        box.refusal = "550 no such mailbox"
        person_tell(user=world.owner, kind=Kind.TEST, key="2", facts={}, now=now)
        assert deliveries_send(now=now) == 0
        box.refusal = "450 come back later"
        person_tell(user=world.owner, kind=Kind.TEST, key="3", facts={}, now=now)
        assert deliveries_send(now=now) == 0
    recipients, raw = box.messages[0]
    message = email.message_from_bytes(raw)
    assert (len(box.messages), recipients, message["Subject"]) == (1, ["owner@example.org"], "This is a test")
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    states = Delivery.objects.order_by("pk").values_list("state", "error")
    assert list(states) == [
        ("sent", ""),
        ("dead", "the mail server refuses the address (550)"),
        ("waiting", "the mail server refuses the address (450)"),
    ]


def test_a_server_that_is_away_is_tried_again_and_given_up_with_the_reason(
    world: World, now: datetime, settings: LazySettings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nobody listens there
    person_tell(user=world.owner, kind=Kind.TEST, key="1", facts={}, now=now)
    at, waits = now, []
    for _ in range(MOST_ATTEMPTS):
        assert deliveries_send(now=at) == 0
        held = Delivery.objects.get()
        waits.append((held.next_attempt_at - at).total_seconds())
        at = held.next_attempt_at
    assert (held.state, held.attempts, "refused" in held.error) == ("dead", MOST_ATTEMPTS, True)
    assert all(15 * 2**n <= wait <= 30 * 2**n for n, wait in enumerate(waits[:7]))
    assert deliveries_send(now=at + timedelta(days=1)) == 0


def test_a_claimed_delivery_is_not_sent_twice_and_comes_back_after_a_lost_worker(
    world: World, now: datetime
) -> None:
    from apps.alerts.outbox import LEASE, _claim

    person_tell(user=world.owner, kind=Kind.TEST, key="1", facts={}, now=now)
    assert _claim(now=now) is not None
    assert (deliveries_send(now=now), len(mail.outbox)) == (0, 0)
    assert (deliveries_send(now=now + LEASE), len(mail.outbox)) == (1, 1)


def test_a_persons_webhook_is_called_signed(world: World, now: datetime, receiver: Receiver) -> None:
    secret = own_webhook_set(user=world.owner, url=receiver.url)
    tell(world, Kind.HUB_BACK, now=now)
    assert deliveries_send(now=now) == 1
    call = receiver.calls[0]
    from tests.apps.alerts.signatures import is_signed

    assert is_signed(call, secret)
    assert not is_signed(call, secret + "x")
    assert b'"kind":"hub_back"' in call.body


def test_a_webhook_to_this_machine_is_refused(world: World) -> None:
    for url in ("https://127.0.0.1/x", "https://[::1]/x", "http://example.org/x", "https://169.254.169.254/"):
        with pytest.raises(SettingsInvalidError):
            own_webhook_set(user=world.owner, url=url)


def test_all_kinds_but_the_test_can_be_chosen() -> None:
    assert set(Kind) - set(CHOSEN_KINDS) == {Kind.TEST}
