"""The repository's folder: metadata of The Update Framework, and the archives it speaks for.

Keys are PEM files (Ed25519). Of the root's three, any two sign; they are kept apart and offline. The others may lie
where releases are made (`targets`), and where the metadata is kept fresh (`snapshot`, `timestamp`).
"""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Role, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from apps.hubs.firmware.errors import FirmwareError
from vpp.protocols.link.update import target_name

ROOT_KEYS = ("root-1", "root-2", "root-3")
ONLINE_ROLES = ("targets", "snapshot", "timestamp")
ROOT_THRESHOLD = 2
# How long each role's word is good: a hub that hears nothing newer takes nothing (freeze protection).
VALID = {
    "root": timedelta(days=365),
    "targets": timedelta(days=180),
    "snapshot": timedelta(days=30),
    "timestamp": timedelta(days=7),
}
# What was signed within this time is not signed again.
FRESH_FOR = timedelta(hours=12)


@dataclasses.dataclass(frozen=True)
class ReleaseFile:
    """An archive and what is signed about it."""

    version: str
    content: bytes
    hardware: Sequence[str] = ("generic",)
    ring: float = 100.0
    notes: str = ""


class FirmwareRepository:
    """A folder with `metadata` and `targets`; `keys` is where private keys are looked for."""

    def __init__(self, folder: Path, keys: Path) -> None:
        self.metadata = folder / "metadata"
        self.targets = folder / "targets"
        self._keys = keys

    def init(self, *, now: datetime) -> Path:
        """Make keys and the first metadata; return the root that hubs are shipped with."""
        if self.metadata.exists():
            raise FirmwareError("there is a repository already")
        for folder in (self.metadata, self.targets, self._keys):
            folder.mkdir(parents=True, mode=0o755 if folder is not self._keys else 0o700, exist_ok=True)
        signers = {name: self._make_key(name) for name in (*ROOT_KEYS, *ONLINE_ROLES)}
        root = Root(expires=_end("root", now), consistent_snapshot=True)
        root.roles["root"] = Role([], ROOT_THRESHOLD)
        for name, signer in signers.items():
            root.add_key(signer.public_key, "root" if name in ROOT_KEYS else name)
        self._save(Metadata(root), [signers[name] for name in ROOT_KEYS], versioned=True)
        self._save(Metadata(Targets(expires=_end("targets", now))), [signers["targets"]], versioned=True)
        snapshot = Snapshot(expires=_end("snapshot", now), meta={"targets.json": MetaFile(1)})
        self._save(Metadata(snapshot), [signers["snapshot"]], versioned=True)
        timestamp = Timestamp(expires=_end("timestamp", now), snapshot_meta=MetaFile(1))
        self._save(Metadata(timestamp), [signers["timestamp"]])
        return self.metadata / "1.root.json"

    def publish(self, release: ReleaseFile, *, now: datetime) -> TargetFile:
        """Add an archive and sign for it; what was published under a version never changes."""
        name = target_name(release.version)
        targets: Metadata[Targets] = self._latest("targets")
        if name in targets.signed.targets:
            raise FirmwareError(f"version {release.version} is published already; choose a new one")
        if not 0 < release.ring <= 100:
            raise FirmwareError("a ring is more than 0 and at most 100 per cent of the hubs")
        target = TargetFile.from_data(name, release.content, ["sha256"])
        target.unrecognized_fields["custom"] = {
            "version": release.version,
            "hardware": list(release.hardware),
            "ring_ppm": round(release.ring * 10_000),  # canonical JSON knows no fractions
            "notes": release.notes[:500],
        }
        _write(self.targets / f"{target.hashes['sha256']}.{name}", release.content)
        targets.signed.targets[name] = target
        self._next(targets, now=now)
        self._freshen(now=now, targets_version=targets.signed.version)
        return target

    def withdraw(self, version: str, *, now: datetime) -> None:
        """Sign that a version is no longer to be had; hubs that run it go on."""
        targets: Metadata[Targets] = self._latest("targets")
        if targets.signed.targets.pop(target_name(version), None) is None:
            raise FirmwareError(f"version {version} is not published")
        self._next(targets, now=now)
        self._freshen(now=now, targets_version=targets.signed.version)

    def refresh(self, *, now: datetime) -> None:
        """Sign snapshot and timestamp anew, before they run out."""
        self._freshen(now=now)

    def keep_fresh(self, *, now: datetime) -> bool:
        """Sign snapshot and timestamp anew where that was not done lately; return whether it was done."""
        timestamp: Metadata[Timestamp] = self._latest("timestamp")
        if timestamp.signed.expires > _end("timestamp", now) - FRESH_FOR:
            return False
        for role in ("snapshot", "timestamp"):
            self._signer(role)  # a missing key must not leave half of it signed
        self.refresh(now=now)
        return True

    def sign_root(self, names: Iterable[str], *, now: datetime, replace: str = "") -> Path:
        """Sign a new root with at least two of the root's keys; `replace` gives a lost key's place to a new one."""
        signers = [self._signer(name) for name in names]
        root: Metadata[Root] = self._latest("root")
        if len({signer.public_key.keyid for signer in signers} & set(root.signed.roles["root"].keyids)) < (
            root.signed.roles["root"].threshold
        ):
            raise FirmwareError(f"the root needs the signatures of {ROOT_THRESHOLD} of its keys")
        if replace:
            signers.append(self._replace_key(root.signed, replace))
        root.signed.version += 1
        root.signed.expires = _end("root", now)
        self._save(root, signers, versioned=True)
        return self.metadata / f"{root.signed.version}.root.json"

    def published(self) -> dict[str, TargetFile]:
        """Return what is signed for, by version."""
        targets: Metadata[Targets] = self._latest("targets")
        found = targets.signed.targets.values()
        return {str(target.custom["version"]): target for target in found if target.custom}

    def _replace_key(self, root: Root, name: str) -> CryptoSigner:
        if name not in ROOT_KEYS:
            raise FirmwareError(f"{name!r} is none of {', '.join(ROOT_KEYS)}")
        public = self._keys / f"{name}.keyid"
        root.revoke_key(public.read_text().strip(), "root")
        path = self._keys / f"{name}.pem"
        path.rename(path.with_suffix(".lost")) if path.exists() else None
        signer = self._make_key(name)
        root.add_key(signer.public_key, "root")
        return signer

    def _freshen(self, *, now: datetime, targets_version: int | None = None) -> None:
        snapshot: Metadata[Snapshot] = self._latest("snapshot")
        if targets_version is not None:
            snapshot.signed.meta["targets.json"] = MetaFile(targets_version)
        self._next(snapshot, now=now)
        timestamp: Metadata[Timestamp] = self._latest("timestamp")
        timestamp.signed.snapshot_meta = MetaFile(snapshot.signed.version)
        self._next(timestamp, now=now)

    def _next(self, metadata: Metadata[Any], *, now: datetime) -> None:
        signed = metadata.signed
        signed.version += 1
        signed.expires = _end(signed.type, now)
        self._save(metadata, [self._signer(signed.type)], versioned=signed.type != "timestamp")

    def _save(
        self, metadata: Metadata[Any], signers: Sequence[CryptoSigner], *, versioned: bool = False
    ) -> None:
        metadata.signatures.clear()
        for signer in signers:
            metadata.sign(signer, append=True)
        name = f"{metadata.signed.type}.json"
        _write(
            self.metadata / (f"{metadata.signed.version}.{name}" if versioned else name), metadata.to_bytes()
        )

    def _latest(self, role: str) -> Metadata[Any]:
        """Return the newest metadata of a role; versions are numbered, the timestamp is not."""
        if role == "timestamp":
            return self._load(self.metadata / "timestamp.json")
        versions = [int(path.name.split(".")[0]) for path in self.metadata.glob(f"*.{role}.json")]
        if not versions:
            raise FirmwareError("there is no repository here; make one with init")
        return self._load(self.metadata / f"{max(versions)}.{role}.json")

    @staticmethod
    def _load(path: Path) -> Metadata[Any]:
        try:
            return Metadata.from_file(str(path))
        except (RepositoryError, DeserializationError, OSError) as error:
            raise FirmwareError(f"{path.name}: {error}") from error

    def _make_key(self, name: str) -> CryptoSigner:
        key = Ed25519PrivateKey.generate()
        path = self._keys / f"{name}.pem"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        signer = CryptoSigner(key)
        (self._keys / f"{name}.keyid").write_text(signer.public_key.keyid)
        return signer

    def _signer(self, name: str) -> CryptoSigner:
        path = self._keys / f"{name}.pem"
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise FirmwareError(f"the key {name} cannot be read: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise FirmwareError(f"the key {name} is no Ed25519 key")
        return CryptoSigner(key)


def _end(role: str, now: datetime) -> datetime:
    return (now + VALID[role]).replace(microsecond=0)


def _write(path: Path, content: bytes) -> None:
    """Put a file in place whole: hubs read while one publishes."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
