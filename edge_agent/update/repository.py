"""The signed repository as a hub sees it. Imports `tuf`, so only the short-lived fetching process imports this."""

import contextlib
import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.api.metadata import TargetFile
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from edge_agent.update.archive import MAX_UNPACKED
from vpp.protocols.link.update import VersionError, parsed_version, ring_position, target_name

_PIECE = 65_536
_PATH = "/device/firmware/"
MAX_ARCHIVE = 32_000_000


class RefusedError(Exception):
    """A signed version that this hub must not install; asking again cannot help."""


class UnavailableError(Exception):
    """What can be otherwise later: no connection, metadata that does not verify, or that is out of date."""


class _Fetcher(FetcherInterface):
    """GET with the hub's token, by the standard library."""

    def __init__(self, token: str, timeout_s: float) -> None:
        self._headers = {"Authorization": f"Bearer {token}"}
        self._timeout_s = timeout_s

    def _fetch(self, url: str) -> Iterator[bytes]:
        parts = urlsplit(url)
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(parts.netloc, timeout=self._timeout_s, context=context)
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=self._timeout_s)
        connection.request("GET", parts.path, headers=self._headers)
        response = connection.getresponse()
        if response.status != 200:
            connection.close()
            raise DownloadHTTPError(f"status {response.status}", response.status)
        return self._pieces(connection, response)

    @staticmethod
    def _pieces(
        connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> Iterator[bytes]:
        with contextlib.closing(connection):
            while piece := response.read(_PIECE):
                yield piece


class Repository:
    """Metadata under `folder`, trusted from the given root on; it can only go forward (TUF, section 5)."""

    def __init__(self, folder: Path, *, cloud_url: str, token: str, root: bytes, timeout_s: float) -> None:
        self._downloads = folder / "downloads"
        metadata = folder / "metadata"
        for each in (metadata, self._downloads):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        base = cloud_url.rstrip("/") + _PATH
        with _unavailable():
            self._updater = Updater(
                metadata_dir=str(metadata),
                metadata_base_url=base + "metadata/",
                target_dir=str(self._downloads),
                target_base_url=base + "targets/",
                fetcher=_Fetcher(token, timeout_s),
                config=UpdaterConfig(targets_max_length=2_000_000),
                bootstrap=root,
            )

    def find(self, version: str) -> TargetFile:
        """The signed description of a version, from fresh metadata."""
        with _unavailable():
            self._updater.refresh()
            found = self._updater.get_targetinfo(target_name(version))
        if found is None:
            raise UnavailableError(f"version {version} is not in the repository")
        return found

    @contextlib.contextmanager
    def archive(self, target: TargetFile) -> Iterator[IO[bytes]]:
        """The version's archive, open, with the very bytes verified that one reads."""
        path = self._downloads / "archive"
        if target.length > min(MAX_ARCHIVE, MAX_UNPACKED):
            raise RefusedError(f"an archive of {target.length} bytes is too large")
        with _unavailable():
            if self._updater.find_cached_target(target, str(path)) is None:
                self._updater.download_target(target, str(path))
        with path.open("rb") as file:
            with _unavailable():
                target.verify_length_and_hashes(file)
            file.seek(0)
            yield file
        path.unlink()


def check(target: TargetFile, *, version: str, running: str, hardware: str, position: float | None) -> None:
    """Hold what was signed against this hub; RefusedError for what is not for it.

    `position` is the hub's place among all hubs, None for one that its owner made a test hub.
    """
    custom: dict[str, Any] = target.custom or {}
    if custom.get("version") != version:
        raise RefusedError(f"the archive was signed as version {custom.get('version')!r}")
    if hardware not in _texts(custom.get("hardware")):
        raise RefusedError(f"version {version} is not for hardware {hardware!r}")
    ring_ppm = custom.get("ring_ppm")
    if not isinstance(ring_ppm, int):
        raise RefusedError(f"version {version} was signed for no ring")
    if position is not None and position * 10_000 >= ring_ppm:
        raise RefusedError(f"version {version} was signed for the first {ring_ppm / 10_000:g} % of hubs only")
    with contextlib.suppress(VersionError):  # what runs may be a build without a number
        if parsed_version(version) <= parsed_version(running):
            raise RefusedError(f"version {version} is not newer than {running}, which runs")


def position_of(hub_id: str, *, test_hub: bool) -> float | None:
    """A hub's place among all hubs; None for a test hub, which takes what is signed for any ring."""
    return None if test_hub else ring_position(hub_id)


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (RepositoryError, DownloadError, OSError, ValueError) as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        raise UnavailableError(f"{type(error).__name__}: {error}{cause}"[:900]) from error
