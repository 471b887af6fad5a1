"""The platform as a 2.0b VEN of our own VTN, and its reports to both."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.openadr.certificates import certificates_make
from apps.openadr.models import (
    MessageEntry,
    Opt2b,
    ReportUpdate2b,
    Ven2b,
    VenConnection2b,
    VenReport2b,
)
from apps.openadr.ven2b.connections import (
    connection_create,
    connection_set_enabled,
)
from apps.openadr.vtn2b.door import PREFIX, tls_context
from apps.openadr.vtn2b.vens import ven_create, ven_set_targets
from apps.openadr.wire2b import Signer, fingerprint_of_pem
from apps.programs.models import GridSignal, Program
from apps.programs.services import signal_cancel
from tests import factories
from tests.openadr2b import VTN, Utility, Vtn, soon
from tests.openadr2b_ven import LibraryVtn, VenThread, until

pytestmark = pytest.mark.django_db(transaction=True)


class TestOwnVtn:
    """Both our doors, one against the other."""

    @pytest.fixture
    def theirs(self) -> Utility:
        return Utility(factories.make_organization())

    @pytest.fixture
    def vtn(self, theirs: Utility) -> Iterator[Vtn]:
        running = Vtn(theirs.client.organization)
        yield running
        running.stop()

    @pytest.fixture
    def peer(self, theirs: Utility) -> Ven2b:
        organization = theirs.client.organization
        return ven_create(organization=organization, vtn_id=VTN, name="ores", targets=["ours"], now=soon(0))

    def connect(self, program: Program, vtn: Vtn, **options: Any) -> VenConnection2b:
        url = f"http://127.0.0.1:{vtn.port}{PREFIX}"
        return connection_create(program=program, name="ores", **{"url": url, "now": soon(0), **options})

    def test_later_change_of_mind_is_said_by_create_opt(
        self, program: Program, vtn: Vtn, theirs: Utility, peer: Ven2b, ven: VenThread
    ) -> None:
        self.connect(program, vtn)
        made = theirs.event()
        until(lambda: Opt2b.objects.filter(event=made, opt_type="optIn").exists())
        signal_cancel(signal_id=GridSignal.objects.get(program=program).pk, now=soon(0))
        until(lambda: Opt2b.objects.filter(event=made, opt_type="optOut").exclude(opt_id="").exists())

    def test_event_that_it_may_see_no_more_is_canceled(
        self, program: Program, vtn: Vtn, theirs: Utility, peer: Ven2b, ven: VenThread
    ) -> None:
        self.connect(program, vtn)
        theirs.event(targets=["ours"])
        until(lambda: GridSignal.objects.filter(program=program).exists())
        ven_set_targets(ven=peer, targets=[])
        until(lambda: GridSignal.objects.get(program=program).state == "canceled")

    def test_over_mtls_with_signatures_and_an_encrypted_key(
        self, program: Program, theirs: Utility, ven: VenThread, tmp_path: Path
    ) -> None:
        keys = certificates_make(tmp_path, ["vtn", "ven"])
        prints = {name: fingerprint_of_pem(keys[f"{name}.pem"].read_text()) for name in ("vtn", "ven")}
        organization = theirs.client.organization
        ven_create(organization=organization, vtn_id=VTN, name="ores", fingerprint=prints["ven"], now=soon(0))
        tls = tls_context(cert=str(keys["vtn.pem"]), key=str(keys["vtn.key"]), ca=str(keys["ca"]))
        signer = Signer.from_files(keys["vtn.pem"], keys["vtn.key"])
        running = Vtn(organization, tls=tls, signer=signer, signatures_required=True)
        try:
            connection = self.connect(
                program, running, url=f"https://127.0.0.1:{running.port}{PREFIX}", signs=True,
                certificate_pem=keys["ven.pem"].read_text(), key_pem=keys["ven.key"].read_text(),
                ca_pem=keys["ca"].read_text(), vtn_fingerprint=prints["vtn"],
            )  # fmt: skip
            assert "PRIVATE" not in connection.key_pem_encrypted
            made = theirs.event()
            until(lambda: Opt2b.objects.filter(event=made, opt_type="optIn").exists())
            wanted = {"oadrCreatedPartyRegistration", "oadrDistributeEvent", "oadrCreatedEvent"}
            noted = MessageEntry.objects.filter(organization=program.organization)
            until(lambda: wanted <= set(noted.values_list("kind", flat=True)))
        finally:
            running.stop()

    def test_disabled_connection_is_silent_and_others_speak_on(
        self, program: Program, vtn: Vtn, theirs: Utility, peer: Ven2b, ven: VenThread
    ) -> None:
        broken = connection_create(program=program, name="x", url="http://127.0.0.1:1/none", now=soon(0))
        connection = self.connect(program, vtn)
        theirs.event()
        until(lambda: GridSignal.objects.filter(program=program).count() == 1)
        until(lambda: VenConnection2b.objects.get(pk=broken.pk).last_error)
        connection_set_enabled(connection=connection, enabled=False)
        until(lambda: ven.supervisor.speaking == {broken.pk})
        connection_set_enabled(connection=connection, enabled=True)
        until(lambda: ven.supervisor.speaking == {broken.pk, connection.pk})


class TestReports:
    @pytest.fixture(autouse=True)
    def _fast(self, settings: Any) -> None:
        """A minute of the platform passes in half a second."""
        settings.ORES_CLOCK = f"{factories.NOW.isoformat()}@{time.time()}x120"

    @pytest.fixture
    def fleet(self) -> factories.Fleet:
        fleet = factories.make_fleet(homes=3, history=False)
        factories.add_minutes(
            sites=fleet.sites, starts_at=factories.NOW - timedelta(minutes=2), ends_at=factories.NOW + timedelta(hours=2),
            grid_kw=1.5,
        )  # fmt: skip
        return fleet

    def test_usage_is_the_sum_of_the_programs_homes(
        self, utility: LibraryVtn, fleet: factories.Fleet, ven: VenThread
    ) -> None:
        connection_create(program=fleet.program, name="ores", url=utility.url, now=factories.NOW)
        until(lambda: len(utility.values) >= 3)
        assert set(utility.values) == {4.5}
        # The library cannot read a status and answers 500: usage goes on.
        asked = VenReport2b.objects.get(specifier_id="telemetry-usage")
        assert (asked.r_ids, asked.granularity_s, asked.done) == (["power"], 60, False)

    def test_usage_and_status_reach_our_own_vtn(self, fleet: factories.Fleet, ven: VenThread) -> None:
        theirs = factories.make_organization()
        running = Vtn(theirs)
        try:
            ven_create(organization=theirs, vtn_id=VTN, name="ores", now=factories.NOW)
            url = f"http://127.0.0.1:{running.port}{PREFIX}"
            connection_create(program=fleet.program, name="ores", url=url, now=factories.NOW)
            until(lambda: ReportUpdate2b.objects.values("name").distinct().count() == 2)
            usage = ReportUpdate2b.objects.filter(name="TELEMETRY_USAGE").first()
            status = ReportUpdate2b.objects.filter(name="TELEMETRY_STATUS").first()
            assert usage is not None
            assert status is not None
            values = {row[0]: row[3] for row in usage.values}
            assert values == {"power": 4.5, "energy": 0.075}
            assert status.values[0][0] == "status"
            assert status.values[0][3] == {"online": True, "overridden": False}
        finally:
            running.stop()
