"""Tell the local network of the OpenADR 3.1 server by mDNS, until interrupted."""

import ipaddress
import signal
import socket
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.openadr.mdns import SERVICE_TYPE, txt_record


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--address", required=True, help="IPv4 address of this machine that the server listens on"
        )
        parser.add_argument("--port", type=int, required=True, help="port of the web door")

    def handle(self, *args: Any, **options: Any) -> None:
        from zeroconf import ServiceInfo, Zeroconf

        address, port = _ipv4(options["address"]), options["port"]
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        host = socket.gethostname().partition(".")[0] or "ores"
        info = ServiceInfo(
            SERVICE_TYPE, f"ORES Cloud on {host}.{SERVICE_TYPE}", server=f"{host}.local.", port=port,
            addresses=[address.packed], properties=txt_record(address=str(address), port=port),
        )  # fmt: skip
        speaker = Zeroconf(interfaces=[str(address)])
        try:
            speaker.register_service(info, allow_name_change=True)
            self.stdout.write(f"told the network of {info.name}")
            self.stdout.flush()
            stopping.wait()
        finally:
            speaker.close()  # says goodbye


def _ipv4(text: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError as error:
        raise CommandError(f"{text} is not an IPv4 address") from error
