"""Serve OpenADR 2.0b to VENs: one process for one VTN identity of one organization."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import Organization


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = ()  # it has no pages; a VTN that is back sooner loses fewer polls

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--vtn-id", default="ores-vtn", help="how this VTN calls itself")
        parser.add_argument("--organization", help="slug of the tenant; may be left out if there is one only")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
        parser.add_argument(
            "--cert", help="PEM certificate for TLS and signatures; its key is an EC key, better than RSA"
        )
        parser.add_argument("--key", help="PEM key of --cert")
        parser.add_argument("--ca", help="PEM certificates of those who issue the VENs' certificates")
        parser.add_argument("--sign", action="store_true", help="sign what is sent with --cert and --key")
        parser.add_argument(
            "--require-signatures", action="store_true", help="refuse messages that are not signed"
        )
        parser.add_argument(
            "--behind-proxy", action="store_true", help="TLS ends in a proxy before this process"
        )
        parser.add_argument(
            "--client-cert-header", default="", help="where the proxy puts the client's certificate"
        )
        parser.add_argument(
            "--allow-plain-http", action="store_true", help="without TLS on an address that is not loopback"
        )
        parser.add_argument("--poll-s", type=float, default=10.0, help="how often VENs are asked to poll")
        parser.add_argument("--report-s", type=float, default=60.0, help="granularity asked of VENs' reports")
        parser.add_argument(
            "--make-test-certificates", metavar="FOLDER", help="write a CA and EC keys there, and end"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["make_test_certificates"]:
            from apps.openadr.certificates import certificates_make

            made = certificates_make(Path(options["make_test_certificates"]), ["vtn", "ven"])
            self.stdout.write("\n".join(str(path) for path in made.values()))
            return
        try:
            asyncio.run(self._serve(_organization(options["organization"]), options))
        except OSError as error:
            raise CommandError(f"cannot listen on {options['host']}:{options['port']}: {error}") from error

    async def _serve(self, organization: Organization, options: dict[str, Any]) -> None:
        from apps.openadr.vtn2b.door import PREFIX, serve

        door, tls = self._door(organization, options)
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        runner, port = await serve(door, host=options["host"], port=options["port"], tls=tls)
        scheme = "https" if tls is not None else "http"
        self.stdout.write(f"VTN {options['vtn_id']} answers at {scheme}://{options['host']}:{port}{PREFIX}")
        self.stdout.flush()
        await stopping.wait()
        await runner.cleanup()

    def _door(self, organization: Organization, options: dict[str, Any]) -> tuple[Any, Any]:
        from apps.hubs.link.server import conninfo
        from apps.openadr.vtn2b.door import Door, Settings, tls_context
        from apps.openadr.vtn2b.gate import GateError, gate_for
        from apps.openadr.vtn2b.process import Identity, Process

        cert, key, ca = options["cert"], options["key"], options["ca"]
        if any([cert, key, ca]) and not all([cert, key, ca]):
            raise CommandError("--cert, --key and --ca belong together")
        signer = self._signer(options)
        try:
            gate = gate_for(
                host=options["host"], tls=bool(cert), behind_proxy=options["behind_proxy"],
                proxy_header=options["client_cert_header"], proxy_secret=os.environ.get("OPENADR2B_PROXY_SECRET", ""),
                plain_allowed=options["allow_plain_http"],
            )  # fmt: skip
            tls = tls_context(cert=cert, key=key, ca=ca) if cert else None
        except (GateError, OSError) as error:
            raise CommandError(str(error)) from error
        identity = Identity(
            organization,
            options["vtn_id"],
            timedelta(seconds=options["poll_s"]),
            timedelta(seconds=options["report_s"]),
        )
        settings = Settings(conninfo(), gate, signer, signatures_required=options["require_signatures"])
        return Door(Process(identity), settings), tls

    def _signer(self, options: dict[str, Any]) -> Any:
        from apps.openadr.wire2b import Signer

        if not options["cert"]:
            if options["sign"]:
                raise CommandError("--sign needs --cert and --key")
            return None
        try:
            signer = Signer.from_files(Path(options["cert"]), Path(options["key"]))
        except (OSError, ValueError, TypeError) as error:
            raise CommandError(f"the certificate or its key cannot be read: {error}") from error
        if signer.is_rsa:
            self.stderr.write(
                "warning: the key is RSA; a signature takes a tenth of a second with 2048 bits and a second with 4096, "
                "an EC key (P-256) a thousandth"
            )
        return signer if options["sign"] else None


def _organization(slug: str | None) -> Organization:
    if slug:
        found = Organization.objects.filter(slug=slug).first()
        if found is None:
            raise CommandError(f"there is no organization {slug!r}")
        return found
    every = list(Organization.objects.all()[:2])
    if len(every) != 1:
        raise CommandError("say whose VTN this is: --organization SLUG")
    return every[0]
