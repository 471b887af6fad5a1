"""Makes and keeps the signed repository that hubs update themselves from (docs/how-to/update-hubs.md)."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.common.errors import DomainError
from apps.hubs.firmware.build import archive_build, source_version
from apps.hubs.firmware.repository import ROOT_KEYS, FirmwareRepository, ReleaseFile
from apps.hubs.update_services import releases_sync
from vpp.errors import VppError

_SOURCE = Path(__file__).resolve().parents[4]


class Command(BaseCommand):
    help = "Make keys, publish and withdraw versions of the hubs' agent, and keep the metadata fresh."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, help="the repository (else FIRMWARE_REPOSITORY)")
        parser.add_argument("--keys", type=Path, required=True, help="folder of the private keys, 0700")
        commands = parser.add_subparsers(dest="do", required=True)
        commands.add_parser("init", help="make keys and the first metadata")
        publish = commands.add_parser("publish", help="build the agent of a source tree and sign for it")
        publish.add_argument("--source", type=Path, default=_SOURCE)
        publish.add_argument("--archive", type=Path, help="an archive built elsewhere; needs --release")
        publish.add_argument("--release", help="the version of --archive")
        publish.add_argument("--hardware", action="append", help="may be given several times (generic)")
        publish.add_argument("--ring", type=float, default=100.0, help="the first so many per cent of hubs")
        publish.add_argument("--notes", default="")
        withdraw = commands.add_parser("withdraw", help="sign that a version is no longer to be had")
        withdraw.add_argument("release")
        commands.add_parser("refresh", help="sign snapshot and timestamp anew; run it daily")
        sign = commands.add_parser("sign", help="sign a new root with two of its keys")
        sign.add_argument("--root-key", action="append", choices=ROOT_KEYS, required=True)
        sign.add_argument("--replace", choices=ROOT_KEYS, default="", help="a lost key")
        commands.add_parser("list", help="show what is published")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = options["folder"] or settings.FIRMWARE_REPOSITORY
        if not folder:
            raise CommandError("set FIRMWARE_REPOSITORY or give --folder")
        repository = FirmwareRepository(Path(folder), options["keys"])
        now = datetime.now(UTC)
        try:
            said = getattr(self, f"_{options['do']}")(repository, options, now=now)
            if options["do"] in {"publish", "withdraw"}:
                releases_sync(published=repository.published(), now=now)
        except (DomainError, VppError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(said)

    def _init(self, repository: FirmwareRepository, options: dict[str, Any], *, now: datetime) -> str:
        root = repository.init(now=now)
        return f"hubs are shipped with {root}; move two of the root keys to other, safe places"

    def _publish(self, repository: FirmwareRepository, options: dict[str, Any], *, now: datetime) -> str:
        if options["archive"]:
            content, version = options["archive"].read_bytes(), options["release"] or ""
        else:
            content, version = archive_build(options["source"]), source_version(options["source"])
        hardware = options["hardware"] or ["generic"]
        release = ReleaseFile(version, content, hardware, options["ring"], options["notes"])
        target = repository.publish(release, now=now)
        return f"version {version} is published: {target.length} bytes"

    def _withdraw(self, repository: FirmwareRepository, options: dict[str, Any], *, now: datetime) -> str:
        repository.withdraw(options["release"], now=now)
        return f"version {options['release']} is withdrawn"

    def _refresh(self, repository: FirmwareRepository, options: dict[str, Any], *, now: datetime) -> str:
        repository.refresh(now=now)
        return "signed anew"

    def _sign(self, repository: FirmwareRepository, options: dict[str, Any], *, now: datetime) -> str:
        path = repository.sign_root(options["root_key"], now=now, replace=options["replace"])
        return f"{path.name} is signed"

    def _list(self, repository: FirmwareRepository, options: dict[str, Any], *, now: datetime) -> str:
        return "\n".join(f"{version} {target.length}" for version, target in repository.published().items())
