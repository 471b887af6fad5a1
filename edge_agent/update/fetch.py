"""A process of its own that fetches, verifies and unpacks one version, and takes its memory with it when it ends.

python -m edge_agent.update.fetch < order.json > result.json
"""

import shutil
import sys
from pathlib import Path
from typing import IO

import msgspec

from edge_agent.process import die_with_parent
from edge_agent.update.archive import ArchiveError, unpack
from edge_agent.update.order import Order, Result
from edge_agent.update.state import WAITING, NotNowError, Refused, Unpacked
from edge_agent.update.store import UpdateStore, sync_folder
from vpp.protocols.link.update import Slot, VersionError, parsed_version


def fetch(order: Order) -> Result:
    """Bring a version into the spare slot, or say what hinders it."""
    store = UpdateStore(Path(order.folder))
    try:
        parsed_version(order.version)
        with store.lock("fetch.lock", wait=False):
            return _fetch(order, store)
    except BlockingIOError:
        return Result("another download is on its way")
    except (OSError, NotNowError, VersionError) as error:
        return Result(f"{error}"[:900])


def _fetch(order: Order, store: UpdateStore) -> Result:
    from edge_agent.update import repository as tuf_side

    try:
        source = tuf_side.Repository(
            store.folder,
            cloud_url=order.cloud_url,
            token=order.token,
            root=Path(order.root_file).read_bytes(),
            timeout_s=order.timeout_s,
        )
        target = source.find(order.version)
        position = tuf_side.position_of(order.hub_id, test_hub=order.test_hub)
        tuf_side.check(
            target,
            version=order.version,
            running=order.running,
            hardware=order.hardware,
            position=position,
        )
        with source.archive(target) as archive:
            slot = _install(archive, store)
    except tuf_side.UnavailableError as error:
        return Result(str(error))
    except (tuf_side.RefusedError, ArchiveError) as error:
        store.apply(Refused(order.version, f"{error}"[:900]))
        return Result()
    store.apply(Unpacked(slot, order.version))
    return Result()


def _install(archive: IO[bytes], store: UpdateStore) -> Slot:
    """Unpack beside the slots, then swap the spare one; the slot that runs is never touched."""
    state = store.read()
    if state.phase in WAITING:
        raise NotNowError("an earlier version waits or is on trial")
    fresh = store.slots / "fresh"
    unpack(archive, fresh)
    if not (fresh / "edge_agent" / "__main__.py").is_file():
        shutil.rmtree(fresh)
        raise ArchiveError("there is no agent in the archive")
    shutil.rmtree(store.slot(state.spare), ignore_errors=True)
    fresh.rename(store.slot(state.spare))
    sync_folder(store.slots)
    return state.spare


def main() -> int:
    """Read an order, write a result."""
    die_with_parent()
    try:
        order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    except msgspec.MsgspecError as error:
        sys.stderr.write(f"fetch: {error}\n")
        return 2
    sys.stdout.buffer.write(msgspec.json.encode(fetch(order)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
