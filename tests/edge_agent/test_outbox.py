"""The outbox loses nothing and doubles nothing, however its process ends."""

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_agent.outbox import ROWS_PER_MESSAGE, Decided, Gone, Outbox, OutboxError, message_of
from tests.exhaustive import EXHAUSTIVE
from vpp.energy_manager.process_image import ProcessImage
from vpp.protocols.link import codec
from vpp.protocols.link.messages import Gap, InstructionStatus, Lane, Snapshots

ROOT = Path(__file__).parents[2]


def row(at: int, pv_kw: float | None = None) -> ProcessImage:
    return ProcessImage(at=at, grid_kw=1.0, import_kwh=2.0, export_kwh=0.0, load_kw=1.0, pv_kw=pv_kw)


def opened(tmp_path: Path, *, boot: str = "machine", max_bytes: int = 10**9) -> Outbox:
    return Outbox(tmp_path / "hub.db", machine_boot=boot, max_bytes=max_bytes)


def messages(outbox: Outbox, lane: Lane) -> list[Snapshots]:
    bodies = outbox.read(lane, first=outbox.first_unacked()[lane], end=outbox.ends()[lane])
    found = [codec.decode_hub(body.decode()) for body in bodies]
    return [message for message in found if isinstance(message, Snapshots)]


def test_rows_nobody_saw_share_a_message_and_seen_ones_do_not(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    for at in (1, 2):
        outbox.add_row(row(at))
        outbox.commit()
    assert [message.at for message in messages(outbox, "live")] == [[1, 2]]
    for at in (3, 4):
        outbox.add_row(row(at))
        outbox.commit()
    assert [(message.seq, message.at) for message in messages(outbox, "live")] == [(0, [1, 2]), (1, [3, 4])]


def test_nothing_is_visible_before_the_commit(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.add_row(row(1))
    assert outbox.ends() == {"live": 0, "backfill": 0, "status": 0}
    with pytest.raises(Gone):
        outbox.read("live", first=0, end=1)
    outbox.commit()
    assert outbox.ends()["live"] == 1


def test_a_message_grown_full_unseen_moves_to_the_backfill_lane(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    for at in range(2 * ROWS_PER_MESSAGE + 5):
        outbox.add_row(row(at))
        outbox.commit()
    assert outbox.ends() == {"live": 1, "backfill": 2, "status": 0}
    old = messages(outbox, "backfill")
    assert [at for message in old for at in message.at] == list(range(2 * ROWS_PER_MESSAGE))
    assert [message.seq for message in old] == [0, 1]
    assert messages(outbox, "live")[0].at == list(range(120, 125))


def test_a_column_starts_late_and_is_padded() -> None:
    message = message_of([row(1), row(2, pv_kw=-1.0), row(3)])
    assert message.pv_kw == [None, -1.0, None]
    assert message.ev_kw == []


def test_acknowledged_messages_go_with_the_next_commit_and_numbers_go_on(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    for at in range(4):
        outbox.add_row(row(at))
        outbox.commit()
        outbox.read("live", first=at, end=at + 1)
    outbox.acknowledge("live", 2)
    assert outbox.first_unacked()["live"] == 3
    outbox.close()
    again = opened(tmp_path)
    assert (again.first_unacked()["live"], again.ends()["live"]) == (3, 4)
    again.acknowledge("live", 99)
    again.add_row(row(9))
    again.close()
    last = opened(tmp_path)
    assert (last.first_unacked()["live"], last.ends()["live"]) == (4, 5)


def test_after_a_restart_old_messages_are_closed(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.add_row(row(1))
    outbox.close()
    again = opened(tmp_path)
    again.add_row(row(2))
    again.commit()
    assert [message.at for message in messages(again, "live")] == [[1], [2]]


def test_the_boot_is_kept_over_processes_and_renewed_with_the_machine(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.close()
    same = opened(tmp_path)
    assert same.boot_id == first.boot_id
    same.close()
    other = opened(tmp_path, boot="after a power cut")
    assert other.boot_id != first.boot_id
    boot_id = other.boot_id
    other.renew_boot()
    assert other.boot_id != boot_id


def filled(tmp_path: Path, *, minutes: int, max_bytes: int) -> Outbox:
    """A hub that recorded this many minutes of rows while nobody listened."""
    outbox = opened(tmp_path, max_bytes=max_bytes)
    for start in range(0, minutes, 60):
        outbox.add_backfill(message_of(row(at * 60_000) for at in range(start, start + 60)))
        outbox.add_status(InstructionStatus(0, "i", 1, "applied", start))
        outbox.commit()
    return outbox


def gaps(outbox: Outbox) -> list[Gap]:
    bodies = outbox.read("backfill", first=outbox.first_unacked()["backfill"], end=outbox.ends()["backfill"])
    return [one for body in bodies if isinstance(one := codec.decode_hub(body.decode()), Gap)]


def test_at_its_cap_old_rows_become_quarter_hours_before_any_is_lost(tmp_path: Path) -> None:
    outbox = filled(tmp_path, minutes=1200, max_bytes=30_000)
    assert (outbox.dropped_rows, gaps(outbox)) == (0, [])
    kept = messages(outbox, "backfill")
    assert [len(message.at) for message in kept][:3] == [5, 5, 5]
    assert [len(message.at) for message in kept][-3:] == [60, 60, 60]
    assert kept[0].at == [0, 900_000, 1_800_000, 2_700_000, 3_540_000]
    assert kept[0].load_kw == [1.0] * 5
    times = [at for message in kept for at in message.at]
    assert times == sorted(set(times))
    assert times[-1] == 1199 * 60_000


def test_what_is_lost_at_last_is_said_by_a_marker_and_the_status_stays(tmp_path: Path) -> None:
    outbox = filled(tmp_path, minutes=12_000, max_bytes=30_000)
    assert outbox.dropped_rows > 0
    assert outbox.waiting("status") == 200
    (gap,) = gaps(outbox)
    kept = messages(outbox, "backfill")
    assert gap.seq == outbox.first_unacked()["backfill"] == kept[0].seq - 1
    assert (gap.starts_at, gap.rows, gap.reason) == (0, outbox.dropped_rows, "the outbox was full")
    assert gap.ends_at < kept[0].at[0]
    assert kept[-1].at[-1] == 11_999 * 60_000
    with pytest.raises(Gone):
        outbox.read("backfill", first=0, end=1)
    outbox.close()
    again = opened(tmp_path)
    assert (again.dropped_rows, gaps(again)) == (outbox.dropped_rows, [gap])


def test_message_that_was_sent_keeps_its_content(tmp_path: Path) -> None:
    outbox = filled(tmp_path, minutes=180, max_bytes=10**9)
    sent = outbox.read("backfill", first=0, end=2)
    outbox.close()
    small = opened(tmp_path, max_bytes=14_000)
    assert small.read("backfill", first=0, end=2) == sent
    small.add_backfill(message_of(row(at * 60_000) for at in range(180, 240)))
    small.commit()
    assert small.read("backfill", first=0, end=2) == sent


def test_rows_of_a_doubted_clock_stand_alone(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    for at, trusted in ((1, True), (2, False), (3, False), (4, True)):
        outbox.add_row(row(at), clock_trusted=trusted)
    outbox.commit()
    found = [(message.at, message.clock_trusted) for message in messages(outbox, "live")]
    assert found == [([1], True), ([2, 3], False), ([4], True)]


def test_values_and_decisions_are_kept(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.put("key", b"one")
    outbox.put("key", b"two")
    outbox.add_decision(Decided(5, "battery", -1.0, 1.0, "limits", "because"))
    outbox.close()
    again = opened(tmp_path)
    assert again.get("key") == b"two"
    assert again.decisions() == [Decided(5, "battery", -1.0, 1.0, "limits", "because")]


def test_a_commit_that_fails_is_made_up_by_the_next(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    other = sqlite3.connect(tmp_path / "hub.db", isolation_level=None)
    outbox._db.execute("PRAGMA busy_timeout = 20")
    other.execute("BEGIN IMMEDIATE")
    outbox.add_row(row(1))
    with pytest.raises(OutboxError):
        outbox.commit()
    assert outbox.ends()["live"] == 0
    other.execute("ROLLBACK")
    outbox.add_row(row(2))
    outbox.commit()
    assert [message.at for message in messages(outbox, "live")] == [[1, 2]]


def test_a_file_that_is_no_database_is_a_named_error(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(OutboxError):
        opened(tmp_path)


def test_killed_again_and_again_it_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    dice = random.Random(4)
    acknowledged: list[int] = []
    boots = set()
    for _ in range(100 if EXHAUSTIVE else 10):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.edge_agent.outbox_writer", str(path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        time.sleep(0.05 + dice.random() * 0.25)
        process.kill()
        printed = process.stdout.read()
        process.wait()
        # What was printed and is still there was not yet deleted: it is only counted once.
        outbox = Outbox(path, machine_boot="the same machine")
        boots.add(outbox.boot_id)
        for line in printed.splitlines(keepends=True):
            if line.endswith("\n"):
                message = codec.decode_hub(line.strip())
                assert isinstance(message, Snapshots)
                if message.seq < outbox.first_unacked()["live"]:
                    acknowledged += message.at
        outbox.close()
    outbox = Outbox(path, machine_boot="the same machine")
    count = int(outbox.get("count") or b"0")
    held = [at for lane in ("backfill", "live") for message in messages(outbox, lane) for at in message.at]
    assert count > 50
    assert sorted(acknowledged + held) == list(range(count))
    assert len(boots) == 1
