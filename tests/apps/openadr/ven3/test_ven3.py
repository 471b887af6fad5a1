"""The platform as a VEN of a utility's 3.x server: our own 3.1 one, another organization's."""

from collections.abc import Iterator

import pytest

from apps.openadr.models import MessageEntry, ResourceObject, VenConnection3, VenEvent3, VenObject
from apps.openadr.ven3.connections import connection_set_enabled, connection_set_secret
from apps.programs.models import GridSignal, Program
from tests import factories
from tests.openadr2b import soon
from tests.openadr3_ven import HOUR, Server, Utility3, VenThread3, legacy_of, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["3.1.0", "3.0.1"])
def connection(
    request: pytest.FixtureRequest, utility: Utility3, program: Program
) -> Iterator[VenConnection3]:
    """A connection to our own VTN, and to the same one in 3.0.1's words."""
    if request.param == "3.1.0":
        yield utility.connect(program=program)
        return
    server = Server(legacy_of(utility.url))
    yield utility.connect(program=program, url=server.url, version="3.0.1")
    server.stop()


def signals(program: Program) -> list[GridSignal]:
    return list(GridSignal.objects.filter(program=program).order_by("pk"))


class TestEvents:
    def test_event_becomes_a_signal_that_is_revised_and_canceled(
        self, utility: Utility3, connection: VenConnection3, program: Program, ven: VenThread3
    ) -> None:
        starts_at = soon()
        event = utility.event(starts_at=starts_at, eventName="Peak", priority=2)
        until(lambda: signals(program))
        (signal,) = signals(program)
        assert (signal.starts_at, signal.ends_at, signal.target_kw) == (
            starts_at,
            starts_at + HOUR,
            [3.0] * 4,
        )
        assert (signal.name, signal.priority, signal.targets) == ("Peak", 2, [])
        assert signal.source == f"openadr3ven:{connection.pk}:{event['id']}#DISPATCH_SETPOINT_RELATIVE"
        until(lambda: VenEvent3.objects.filter(signal=signal).exists())
        utility.change(event, kw=-5.0)
        until(lambda: signals(program)[0].target_kw == [5.0] * 4)
        assert (signals(program)[0].revision, signals(program)[0].state) == (2, "accepted")
        utility.delete(event)
        until(lambda: signals(program)[0].state == "canceled")
        held = VenEvent3.objects.get()
        assert (held.signal_id, held.revision, held.deleted_at is None) == (signal.pk, 2, False)
        assert len(signals(program)) == 1

    def test_it_registers_itself_and_its_portfolio_once(
        self, utility: Utility3, connection: VenConnection3, ven: VenThread3
    ) -> None:
        until(lambda: VenConnection3.objects.exclude(last_answer_at=None).exists())
        connection.refresh_from_db()
        first = connection.last_answer_at
        until(lambda: VenConnection3.objects.filter(last_answer_at__gt=first).exists())
        held = VenObject.objects.get(organization=utility.organization)
        resource = ResourceObject.objects.get(ven=held)
        assert (held.name, resource.name, held.pk) == ("ores", "portfolio", connection.ven_id)
        assert connection.resources == {"portfolio": [resource.pk, []]}
        assert connection.last_error == ""

    def test_what_the_platform_cannot_do_is_kept_with_its_reason(
        self, utility: Utility3, connection: VenConnection3, program: Program, ven: VenThread3
    ) -> None:
        event = utility.event(intervals=[{"id": 0, "payloads": [{"type": "X_STRANGE", "values": [1]}]}])
        until(lambda: VenEvent3.objects.filter(event_id=event["id"]).exists())
        held = VenEvent3.objects.get()
        assert (held.signal, held.reason) == (None, "it carries no payload that the platform acts on")
        utility.change(event)
        until(lambda: VenEvent3.objects.get().signal is not None)
        assert (VenEvent3.objects.get().reason, len(signals(program))) == ("", 1)


class TestTargets:
    def test_homes_are_resources_and_are_asked_by_their_targets(
        self, utility: Utility3, ven: VenThread3
    ) -> None:
        fleet = factories.make_fleet(homes=3, history=False)
        connection = utility.connect(program=fleet.program, has_resource_per_home=True)
        names = sorted(site.name for site in fleet.sites)
        until(lambda: sorted(VenConnection3.objects.get().resources) == names)
        resource = ResourceObject.objects.get(name=names[1], organization=utility.organization)
        shown = utility.api.get(f"/resources/{resource.pk}").json()
        body = {**shown, "objectType": "BL_RESOURCE_REQUEST", "targets": ["feeder 7"]}
        assert utility.api.put(f"/resources/{resource.pk}", body).status_code == 200
        until(lambda: VenConnection3.objects.get().resources[names[1]][1] == ["feeder 7"])
        utility.event(targets=["feeder 7"])
        until(lambda: signals(fleet.program))
        assert signals(fleet.program)[0].targets == [names[1]]
        assert connection.organization_id == fleet.organization.pk

    def test_grant_of_the_ven_asks_all_homes_and_its_end_none(
        self, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        utility.connect(program=program)
        until(lambda: VenConnection3.objects.exclude(ven_id="").exists())
        ven_id = VenConnection3.objects.get().ven_id
        path = f"/vens/{ven_id}"
        body = {**utility.api.get(path).json(), "objectType": "BL_VEN_REQUEST", "targets": ["north"]}
        assert utility.api.put(path, body).status_code == 200
        utility.event(targets=["north"])
        utility.event(targets=["south"])
        until(lambda: signals(program))
        assert [one.targets for one in signals(program)] == [[]]
        assert utility.api.put(path, {**body, "targets": []}).status_code == 200
        until(lambda: signals(program)[0].state == "canceled")

    def test_event_for_others_asks_nothing_of_us_in_3_0_1(
        self, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        # 3.0.1 hides nothing: the door in between reads with business logic's eyes.
        reader = factories.make_credential(organization=utility.organization, role="utility")
        server = Server(legacy_of(utility.url))
        try:
            utility.make(
                "/vens", {"objectType": "BL_VEN_REQUEST", "clientID": reader.client_id, "venName": "ores"}
            )
            utility.connect(program=program, url=server.url, version="3.0.1", client_id=reader.client_id,
                            client_secret=reader.client_secret)  # fmt: skip
            other, ours = utility.event(targets=["them"]), utility.event(targets=["ores"])
            until(lambda: VenEvent3.objects.count() == 2)
            held = {one.event_id: (one.reason, one.signal is None) for one in VenEvent3.objects.all()}
            assert held == {other["id"]: ("its targets name others", True), ours["id"]: ("", False)}
        finally:
            server.stop()


class TestPrograms:
    def test_only_the_named_program_is_followed(
        self, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        other = utility.make("/programs", {"programName": "Other"})
        utility.connect(program=program, remote_program="Other")
        utility.event()
        utility.event(programID=other["id"], kw=-1.0)
        until(lambda: signals(program))
        assert [one.target_kw for one in signals(program)] == [[1.0] * 4]
        assert VenEvent3.objects.count() == 1

    def test_each_remote_program_has_one_of_its_name(self, utility: Utility3, ven: VenThread3) -> None:
        other = utility.make("/programs", {"programName": "Other"})
        connection = utility.connect()
        utility.event()
        utility.event(programID=other["id"])
        until(lambda: GridSignal.objects.filter(organization=connection.organization).count() == 2)
        found = GridSignal.objects.filter(organization=connection.organization)
        assert set(found.values_list("program__name", flat=True)) == {"Other", utility.program["programName"]}

    def test_program_that_is_not_there_is_said(
        self, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        utility.connect(program=program, remote_program="Nowhere")
        until(lambda: VenConnection3.objects.filter(last_error__contains="Nowhere").exists())


class TestTokens:
    def test_wrong_secret_is_said_and_a_right_one_heals(
        self, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        made = utility.connect(program=program, client_secret="wrong")
        until(lambda: VenConnection3.objects.filter(last_error__contains="invalid_client").exists())
        made.refresh_from_db()
        assert "wrong" not in made.last_error
        assert (made.last_answer_at, made.failing_since is None) == (None, False)
        connection_set_secret(connection=made, client_secret=utility.credential.client_secret)
        until(lambda: VenConnection3.objects.exclude(last_answer_at=None).exists())
        made.refresh_from_db()
        assert (made.last_error, made.failing_since) == ("", None)

    def test_expired_token_is_replaced_without_a_gap(
        self, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        from oauth2_provider.models import AccessToken

        utility.connect(program=program, token_auth="basic")
        until(lambda: VenConnection3.objects.exclude(last_answer_at=None).exists())
        mine = AccessToken.objects.filter(application__client_id=utility.credential.client_id)
        mine.update(expires=soon(-60))
        assert mine.filter(expires__gt=soon(0)).count() == 0
        utility.event()
        until(lambda: signals(program))
        assert mine.filter(expires__gt=soon(0)).count() == 1

    def test_secrets_are_in_no_message(self, utility: Utility3, program: Program, ven: VenThread3) -> None:
        utility.connect(program=program)
        utility.event()
        until(lambda: signals(program))
        texts = list(
            MessageEntry.objects.filter(organization=program.organization).values_list("body", "kind")
        )
        assert texts
        assert not [
            text for text in texts if utility.credential.client_secret in str(text) or "Bearer" in str(text)
        ]


def test_disabled_connection_is_silent_and_others_speak_on(
    utility: Utility3, program: Program, ven: VenThread3
) -> None:
    broken = utility.connect(url="http://127.0.0.1:1/none", name="x")
    made = utility.connect(program=program)
    utility.event()
    until(lambda: signals(program))
    until(lambda: VenConnection3.objects.get(pk=broken.pk).last_error)
    connection_set_enabled(connection=made, enabled=False)
    until(lambda: ven.supervisor.speaking == {broken.pk})
    assert signals(program)[0].state == "accepted"
