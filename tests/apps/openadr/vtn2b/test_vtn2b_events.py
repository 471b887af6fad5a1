"""The 2.0b VTN: registration, events, opts, reports, over a socket."""

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import Organization
from apps.openadr.models import EventObject, MessageEntry, Opt2b, Ven2b
from apps.openadr.vtn2b.vens import VenTakenError, ven_set_targets
from apps.openadr.wire2b import parse
from apps.programs.models import OptOut
from apps.programs.services import enrollment_create
from tests import factories
from tests.openadr2b import VTN, Utility, Ven, Vtn, code, let_in, soon
from vpp.protocols.openadr2b.event import read_events

pytestmark = pytest.mark.django_db(transaction=True)


class TestRegistration:
    def test_query_names_the_profile_and_how_often_to_poll(self, vtn: Vtn) -> None:
        answer = Ven(vtn.port).say("EiRegisterParty", "oadrQueryRegistration")
        assert (answer.kind, code(answer), answer.text("ei:vtnID")) == (
            "oadrCreatedPartyRegistration",
            200,
            VTN,
        )
        assert answer.text(".//oadr:oadrProfileName") == "2.0b"
        assert answer.text("oadr:oadrRequestedOadrPollFreq/xcal:duration") == "PT1S"

    def test_ven_that_was_let_in_is_registered_by_name(self, vtn: Vtn, organization: Organization) -> None:
        held = let_in(organization)
        client = Ven(vtn.port, held)
        client.ven_id = ""
        answer = client.register(ven_id=None)
        held.refresh_from_db()
        assert (answer.text("ei:venID"), answer.text("ei:registrationID")) == (
            held.ven_id,
            held.registration_id,
        )

    def test_id_that_looks_like_a_number_is_kept_to_the_letter(
        self, vtn: Vtn, organization: Organization
    ) -> None:
        answer = Ven(vtn.port, let_in(organization, ven_id="007")).register()
        assert answer.text("ei:venID") == "007"

    def test_registering_again_keeps_the_registration(self, ven: Ven) -> None:
        first = ven.registration_id
        ven.register()
        again = ven.registration_id
        ven.register(registration_id=first)
        assert (again, ven.registration_id, bool(first)) == (first, first, True)

    def test_foreign_registration_id_is_refused(self, ven: Ven) -> None:
        assert code(ven.register(registration_id="another")) == 452

    def test_unknown_ven_is_not_registered(self, vtn: Vtn) -> None:
        answer = Ven(vtn.port).register()
        assert (answer.kind, code(answer), answer.text("ei:registrationID")) == (
            "oadrCreatedPartyRegistration",
            463,
            "",
        )
        assert (Ven2b.objects.count(), MessageEntry.objects.count()) == (0, 0)

    @pytest.mark.parametrize(
        "change", [{"profile_name": "2.0a"}, {"http_pull_model": False}, {"transport_name": "xmpp"}]
    )
    def test_what_is_not_offered_is_refused(self, vtn: Vtn, organization: Organization, change: Any) -> None:
        held = let_in(organization)
        assert code(Ven(vtn.port, held).register(**change)) == 459
        held.refresh_from_db()
        assert held.registration_id is None

    def test_after_cancellation_a_ven_is_asked_to_register(self, ven: Ven) -> None:
        answer = ven.say(
            "EiRegisterParty", "oadrCancelPartyRegistration", registration_id=ven.registration_id
        )
        assert (answer.kind, code(answer)) == ("oadrCanceledPartyRegistration", 200)
        assert ven.poll().kind == "oadrRequestReregistration"
        assert code(ven.register()) == 200
        assert ven.poll().kind == "oadrResponse"

    def test_wrong_cancellation_is_refused(self, ven: Ven) -> None:
        answer = ven.say("EiRegisterParty", "oadrCancelPartyRegistration", registration_id="another")
        assert code(answer) == 452
        assert ven.poll().kind == "oadrResponse"

    def test_same_name_or_id_is_let_in_once(self, organization: Organization) -> None:
        held = let_in(organization)
        with pytest.raises(VenTakenError):
            let_in(organization, name=held.name)
        with pytest.raises(VenTakenError):
            let_in(organization, ven_id=held.ven_id)


class TestEvents:
    def test_event_is_said_in_2b(self, ven: Ven, utility: Utility) -> None:
        starts_at = soon()
        made = utility.event(starts_at=starts_at, priority=0)
        event = ven.events()[0]
        assert (event.event_id, event.modification_number, event.status, event.priority) == (
            made.pk,
            0,
            "far",
            1,
        )
        assert (event.starts_at, event.length) == (starts_at, timedelta(hours=1))
        signal = event.signals[0]
        assert (signal.name, signal.type, signal.unit, signal.factor) == (
            "LOAD_DISPATCH",
            "delta",
            "W",
            1000.0,
        )
        assert [(one.length, one.value) for one in signal.intervals] == [(timedelta(minutes=30), -3.0)] * 2
        assert event.market_context == f"urn:ores:program:{utility.program.pk}"

    def test_text_that_looks_like_xml_cannot_break_the_message(self, ven: Ven) -> None:
        answer = ven.say("EiEvent", "oadrRequestEvent", request_id="a<b>&'\"]]>")
        assert answer.request_id == "a<b>&'\"]]>"

    def test_new_event_comes_with_all_others(self, ven: Ven, utility: Utility, vtn: Vtn) -> None:
        first = utility.event()
        ven.created(ven.events()[0])
        vtn.refresh()
        assert ven.events() == []
        second = utility.event(starts_at=soon(180))
        vtn.refresh()
        assert [one.event_id for one in ven.events()] == [first.pk, second.pk]

    def test_same_bytes_are_answered_by_what_holds_now(self, ven: Ven, utility: Utility, vtn: Vtn) -> None:
        body = ven.write("oadrPoll")

        def answered() -> str:
            status, answer = ven.post("OadrPoll", body)
            assert status == 200
            return parse(answer).kind

        assert [answered() for _ in range(3)] == ["oadrResponse"] * 3
        utility.event()
        vtn.refresh()
        assert answered() == "oadrDistributeEvent"
        ven.say("EiRegisterParty", "oadrCancelPartyRegistration", registration_id=ven.registration_id)
        assert answered() == "oadrRequestReregistration"

    def test_answered_event_is_not_sent_again(self, ven: Ven, utility: Utility, vtn: Vtn) -> None:
        utility.event()
        ven.created(ven.events()[0])
        vtn.refresh()
        assert [ven.poll().kind for _ in range(3)] == ["oadrResponse"] * 3
        assert Ven2b.objects.get(ven_id=ven.ven_id).seen_digest != ""

    def test_event_without_an_answer_is_sent_again_after_a_minute(self, ven: Ven, utility: Utility) -> None:
        utility.event()
        assert (len(ven.events()), len(ven.events())) == (1, 0)
        held = Ven2b.objects.get(ven_id=ven.ven_id)
        for one in held.shown.values():
            one[2] = soon(-1.1).isoformat()
        held.save()
        assert len(ven.events()) == 1

    @pytest.mark.parametrize("minutes", [60, -10], ids=["before", "during"])
    def test_change_comes_with_the_next_number(
        self, ven: Ven, utility: Utility, vtn: Vtn, minutes: int
    ) -> None:
        made = utility.event(starts_at=soon(minutes))
        ven.created(ven.events()[0])
        utility.change(made, kw=-5.0)
        vtn.refresh()
        event = ven.events()[0]
        assert (event.event_id, event.modification_number) == (made.pk, 1)
        assert event.status == ("far" if minutes > 0 else "active")
        assert [one.value for one in event.signals[0].intervals] == [-5.0, -5.0]
        ven.created(event)
        assert ven.events() == []

    @pytest.mark.parametrize("minutes", [60, -10], ids=["before", "during"])
    def test_cancellation_is_explicit(self, ven: Ven, utility: Utility, vtn: Vtn, minutes: int) -> None:
        made = utility.event(starts_at=soon(minutes))
        ven.created(ven.events()[0])
        utility.delete(made)
        vtn.refresh()
        event = ven.events()[0]
        assert (event.event_id, event.modification_number, event.status) == (made.pk, 1, "cancelled")
        ven.created(event)
        assert ven.events() == []

    def test_canceled_event_that_a_ven_never_saw_is_not_shown(self, ven: Ven, utility: Utility) -> None:
        utility.delete(utility.event())
        assert ven.events() == []

    def test_event_that_a_ven_may_see_no_more_is_absent(self, ven: Ven, utility: Utility, vtn: Vtn) -> None:
        assert ven.ven is not None
        ven_set_targets(ven=ven.ven, targets=["north"])
        mine, everybodys = utility.event(targets=["north"]), utility.event()
        events = ven.events()
        assert {one.event_id for one in events} == {mine.pk, everybodys.pk}
        for one in events:
            ven.created(one)
        ven_set_targets(ven=ven.ven, targets=["south"])
        assert [one.event_id for one in ven.events()] == [everybodys.pk]
        assert ven.events() == []

    def test_targets_decide_who_sees_what(
        self, vtn: Vtn, organization: Organization, utility: Utility
    ) -> None:
        utility.event(targets=["north"])
        seen = {}
        for targets in (["north", "x"], ["south"], []):
            client = Ven(vtn.port, let_in(organization, targets=targets))
            client.register()
            seen[tuple(targets)] = len(client.events())
        assert seen == {("north", "x"): 1, ("south",): 0, (): 0}

    def test_other_tenants_events_are_not_seen(self, ven: Ven) -> None:
        Utility(factories.make_organization()).event()
        assert ven.events() == []

    def test_request_event_answers_with_all(self, ven: Ven, utility: Utility) -> None:
        assert read_events(ven.say("EiEvent", "oadrRequestEvent").element)[2] == ()
        utility.event()
        for _ in range(2):
            answer = ven.say("EiEvent", "oadrRequestEvent", request_id="mine")
            assert (answer.kind, code(answer), answer.request_id) == ("oadrDistributeEvent", 200, "mine")
            assert len(read_events(answer.element)[2]) == 1

    def test_event_of_no_2b_word_is_left_out(
        self, ven: Ven, utility: Utility, organization: Organization
    ) -> None:
        made = utility.event()
        made.content["intervals"] = [{"id": 0, "payloads": [{"type": "CURVE", "values": [{"x": 1, "y": 2}]}]}]
        made.save()
        assert ven.events() == []


class TestOpts:
    def test_every_word_is_kept_and_the_last_counts(
        self, vtn: Vtn, organization: Organization, utility: Utility
    ) -> None:
        site = factories.make_site(organization=organization)
        enrollment_create(program=utility.program.program, site=site, now=soon(-60))
        client = Ven(vtn.port, let_in(organization, site=site))
        client.register()
        made = utility.event()
        event = client.events()[0]
        for opt_type, opted_out in (("optIn", 0), ("optOut", 1), ("optIn", 0), ("optOut", 1)):
            assert code(client.created(event, opt_type)) == 200
            assert OptOut.objects.filter(signal=made.signal, site=site).count() == opted_out
        assert list(Opt2b.objects.values_list("opt_type", flat=True)) == [
            "optIn",
            "optOut",
            "optIn",
            "optOut",
        ]

    def test_unknown_event_is_an_error_and_nothing_is_kept(self, ven: Ven, utility: Utility) -> None:
        made = utility.event()
        event = ven.events()[0]
        answer = ven.answer_event("no-such-event", 0)
        assert (answer.kind, code(answer)) == ("oadrResponse", 452)
        assert code(ven.answer_event(made.pk, 7)) == 454
        assert Opt2b.objects.count() == 0
        assert code(ven.created(event)) == 200

    def test_other_tenants_event_is_unknown(self, ven: Ven) -> None:
        theirs = Utility(factories.make_organization()).event()
        assert code(ven.answer_event(theirs.pk, 0)) == 452

    def test_ended_event_can_still_be_answered(self, ven: Ven, utility: Utility) -> None:
        made = utility.event(starts_at=soon(-30))
        event = ven.events()[0]
        EventObject.objects.filter(pk=made.pk).update(ends_at=soon(-1))
        assert ven.events() == []
        assert code(ven.created(event, "optOut")) == 200
        assert Opt2b.objects.get().event_id == made.pk

    def test_create_opt_on_an_event_counts_until_it_is_taken_back(
        self, vtn: Vtn, organization: Organization, utility: Utility
    ) -> None:
        site = factories.make_site(organization=organization)
        enrollment_create(program=utility.program.program, site=site, now=soon(-60))
        client = Ven(vtn.port, let_in(organization, site=site))
        client.register()
        event = utility.event()
        client.created(client.events()[0])
        opt = {
            "opt_id": "o-1",
            "opt_type": "optOut",
            "opt_reason": "overrideStatus",
            "created_date_time": soon(0),
        }
        answer = client.say(
            "EiOpt", "oadrCreateOpt", **opt, event_id=event.pk, modification_number=0, targets=[]
        )
        assert (answer.kind, code(answer), answer.text("ei:optID")) == ("oadrCreatedOpt", 200, "o-1")
        assert OptOut.objects.count() == 1
        answer = client.say("EiOpt", "oadrCancelOpt", opt_id="o-1")
        assert (answer.kind, code(answer)) == ("oadrCanceledOpt", 200)
        assert OptOut.objects.count() == 0
        answer = client.say("EiOpt", "oadrCancelOpt", opt_id="o-1")
        assert (answer.kind, code(answer)) == ("oadrCanceledOpt", 452)

    def test_a_schedule_counts_for_events_in_its_time_known_or_new_until_it_is_taken_back(
        self, vtn: Vtn, organization: Organization, utility: Utility
    ) -> None:
        site = factories.make_site(organization=organization)
        enrollment_create(program=utility.program.program, site=site, now=soon(-60))
        client = Ven(vtn.port, let_in(organization, site=site))
        client.register()
        known = utility.event(starts_at=soon(60))
        client.events()
        stretch = {"components": [{"dtstart": soon(30), "duration": timedelta(hours=2)}]}
        opt = {
            "opt_id": "o-4",
            "opt_type": "optOut",
            "opt_reason": "x-schedule",
            "created_date_time": soon(0),
        }
        answer = client.say("EiOpt", "oadrCreateOpt", **opt, vavailability=stretch, targets=[])
        assert code(answer) == 200
        assert [one.signal_id for one in OptOut.objects.all()] == [known.signal_id]
        later = utility.event(starts_at=soon(100))
        utility.event(starts_at=soon(300))
        vtn.refresh()
        client.events()
        assert {one.signal_id for one in OptOut.objects.all()} == {known.signal_id, later.signal_id}
        assert code(client.say("EiOpt", "oadrCancelOpt", opt_id="o-4")) == 200
        assert OptOut.objects.count() == 0

    def test_schedule_is_kept(self, ven: Ven) -> None:
        starts_at = soon(30)
        opt = {
            "opt_id": "o-2",
            "opt_type": "optOut",
            "opt_reason": "x-schedule",
            "created_date_time": soon(0),
        }
        stretch = {"components": [{"dtstart": starts_at, "duration": timedelta(hours=2)}]}
        target = [{"group_name": "north"}]
        assert code(ven.say("EiOpt", "oadrCreateOpt", **opt, vavailability=stretch, targets=target)) == 200
        kept = Opt2b.objects.get()
        assert (kept.schedule, kept.targets) == ([[starts_at.isoformat(), 7200.0]], [["groupName", "north"]])

    def test_opt_for_nothing_is_refused(self, ven: Ven) -> None:
        opt = {
            "opt_id": "o-3",
            "opt_type": "optOut",
            "opt_reason": "x-schedule",
            "created_date_time": soon(0),
        }
        answer = ven.say("EiOpt", "oadrCreateOpt", **opt, targets=[])
        assert (answer.kind, code(answer), Opt2b.objects.count()) == ("oadrCreatedOpt", 454, 0)


def test_messages_are_noted_but_not_empty_polls(ven: Ven, utility: Utility, vtn: Vtn) -> None:
    MessageEntry.objects.all().delete()
    ven.poll()
    assert MessageEntry.objects.count() == 0
    utility.event()
    vtn.refresh()
    ven.poll()
    assert list(MessageEntry.objects.order_by("pk").values_list("kind", "direction", "peer")) == [
        ("oadrPoll", "received", ven.ven_id),
        ("oadrDistributeEvent", "sent", ven.ven_id),
    ]
