"""Archives are unpacked whole and inside their folder, or not at all."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.hubs.firmware.build import archive_build
from edge_agent.update import archive as limits
from edge_agent.update.archive import ArchiveError, unpack
from tests.edge_agent.update.firmware import ROOT


def tar(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as file:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, link
            file.addfile(member, io.BytesIO(content))
    return gzip.compress(plain.getvalue())


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_files_arrive_as_they_were(tmp_path: Path) -> None:
    unpack(io.BytesIO(tar(("a/b.py", b"x = 1\n"), ("a/empty", b""))), tmp_path / "new")
    assert files(tmp_path / "new") == {"a/b.py": b"x = 1\n", "a/empty": b""}


def test_what_an_earlier_attempt_left_is_gone(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "old").write_text("half")
    unpack(io.BytesIO(tar(("fresh", b"1"))), tmp_path / "new")
    assert files(tmp_path / "new") == {"fresh": b"1"}


@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "/out", "a\\..\\out", "a/\x01", "..", "a/./../../../out"]
)
def test_names_that_lie_outside_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveError, match="lies outside"):
        unpack(io.BytesIO(tar(("fine", b"1"), (name, b"2"))), tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.BLKTYPE]
)
def test_only_files_and_folders_are_taken(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(ArchiveError, match="neither a file nor a folder"):
        unpack(io.BytesIO(tar(("link", b""), kind=kind, link="/etc/passwd")), tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="unreadable"):
        unpack(io.BytesIO(tar(("a", b"1"), ("a", b"2"))), tmp_path / "new")


def test_size_and_count_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tar(("big", bytes(3_000_000)))
    assert len(bomb) < 10_000
    monkeypatch.setattr(limits, "MAX_UNPACKED", 1_000_000)
    with pytest.raises(ArchiveError, match="more than 1000000 bytes"):
        unpack(io.BytesIO(bomb), tmp_path / "new")
    monkeypatch.setattr(limits, "MAX_MEMBERS", 3)
    with pytest.raises(ArchiveError, match="more than 3 members"):
        unpack(io.BytesIO(tar(*((f"f{number}", b"") for number in range(4)))), tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


GOOD = tar(*((f"folder/file-{number}", bytes([number]) * 700) for number in range(5)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(gzip.decompress(GOOD)) - 1), st.binary(min_size=1, max_size=40), st.booleans())
def test_garbage_is_refused_or_stays_inside(tmp_path: Path, at: int, garbage: bytes, cut: bool) -> None:
    plain = gzip.decompress(GOOD)
    spoiled = plain[:at] if cut else plain[:at] + garbage + plain[at + len(garbage) :]
    try:
        unpack(io.BytesIO(gzip.compress(spoiled)), tmp_path / "new")
    except ArchiveError:
        assert not (tmp_path / "new").exists()
    assert [path.name for path in tmp_path.iterdir()] in ([], ["new"])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ArchiveError):
        unpack(io.BytesIO(data), tmp_path / "new")


def test_the_agents_own_archive_is_small_the_same_each_time_and_light(tmp_path: Path) -> None:
    content = archive_build(ROOT)
    assert content == archive_build(ROOT)
    assert len(content) < 2_000_000
    unpack(io.BytesIO(content), tmp_path / "new")
    held = files(tmp_path / "new")
    assert held["edge_agent/agent.py"] == (ROOT / "edge_agent" / "agent.py").read_bytes()
    assert {name.split("/")[0] for name in held} == {"edge_agent", "vpp"}
    assert "vpp/protocols/link/hub.py" in held
    assert not [name for name in held if name.startswith("vpp/dispatch/fleet")]
