"""Unpack an agent's archive: regular files and folders only, within bounds, never outside the given folder."""

import gzip
import io
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from edge_agent.update.store import sync_folder

MAX_MEMBERS = 5_000
MAX_UNPACKED = 64_000_000
_PIECE = 65_536
_UNREADABLE = (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, OverflowError)


class ArchiveError(Exception):
    """An archive that will not be unpacked."""


class _Bounded(io.RawIOBase):
    """Refuses to decompress more than is allowed, whatever headers ask for."""

    def __init__(self, source: IO[bytes], most: int) -> None:
        self._source = source
        self._left = most

    def readable(self) -> bool:
        """Only that."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if size > self._left:
            raise ArchiveError(f"more than {MAX_UNPACKED} bytes")
        data = self._source.read(size if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveError(f"more than {MAX_UNPACKED} bytes")
        return data


def unpack(archive: IO[bytes], into: Path) -> None:
    """Unpack to a new folder and make it durable; nothing of it is left after an ArchiveError."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(mode=0o700)
    try:
        with gzip.GzipFile(fileobj=archive, mode="rb") as plain:
            _unpack(_Bounded(plain, MAX_UNPACKED), into)  # type: ignore[arg-type]
        for folder, _, _ in os.walk(into):
            sync_folder(Path(folder))
    except ArchiveError:
        shutil.rmtree(into, ignore_errors=True)
        raise
    except _UNREADABLE as error:
        shutil.rmtree(into, ignore_errors=True)
        raise ArchiveError(f"unreadable: {error}") from error


def _unpack(stream: IO[bytes], into: Path) -> None:
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for count, member in enumerate(tar):
            if count >= MAX_MEMBERS:
                raise ArchiveError(f"more than {MAX_MEMBERS} members")
            path = into.joinpath(*_parts(member))
            if member.isdir():
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                continue
            content = tar.extractfile(member)
            if content is None:
                raise ArchiveError(f"{member.name!r} has no content")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, content, size=member.size)


def _parts(member: tarfile.TarInfo) -> tuple[str, ...]:
    """A member's path inside the folder; ArchiveError for what is no plain file or folder or lies elsewhere."""
    if not (member.isreg() or member.isdir()) or member.sparse is not None:
        raise ArchiveError(f"{member.name!r} is neither a file nor a folder")
    path = PurePosixPath(member.name)
    plain = member.name.isprintable() and "\\" not in member.name
    if not plain or path.is_absolute() or ".." in path.parts or (not path.parts and not member.isdir()):
        raise ArchiveError(f"{member.name!r} lies outside")
    return path.parts


def _write(path: Path, content: IO[bytes], *, size: int) -> None:
    with path.open("xb") as file:
        left = size
        while left > 0 and (piece := content.read(min(left, _PIECE))):
            file.write(piece)
            left -= len(piece)
        if left:
            raise ArchiveError(f"{path.name!r} ends early")
        file.flush()
        os.fsync(file.fileno())
