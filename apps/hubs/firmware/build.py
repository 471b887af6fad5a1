"""An agent's archive: `edge_agent` and the part of `vpp` that it imports, the same bytes for the same source."""

import ast
import gzip
import io
import re
import tarfile
from pathlib import Path

from vpp.protocols.link.update import parsed_version

_VERSION = re.compile(r'^VERSION = "([^"]*)"$', re.MULTILINE)
_LEFT_OUT = {"__pycache__"}


def source_version(source: Path) -> str:
    """Return the version that an agent of this source calls itself; VersionError where it is none."""
    found = _VERSION.search((source / "edge_agent" / "__init__.py").read_text())
    version = found.group(1) if found else ""
    parsed_version(version)
    return version


def archive_build(source: Path) -> bytes:
    """Return the archive of the agent in a source tree."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in agent_files(source):
            content = path.read_bytes()
            member = tarfile.TarInfo(path.relative_to(source).as_posix())
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def agent_files(source: Path) -> list[Path]:
    """Return the files of the agent: its folder, and the modules of `vpp` in the closure of its imports."""
    own = [
        path
        for path in sorted((source / "edge_agent").rglob("*"))
        if path.is_file() and not _LEFT_OUT & set(path.parts)
    ]
    needed: set[Path] = set()
    waiting = [path for path in own if path.suffix == ".py"]
    while waiting:
        for found in _imports_of_vpp(waiting.pop(), source):
            if found not in needed:
                needed.add(found)
                waiting.append(found)
    return [*own, *sorted(needed)]


def _imports_of_vpp(path: Path, source: Path) -> set[Path]:
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] == "vpp":
                found |= _files_of(name, source)
    return found


def _files_of(name: str, source: Path) -> set[Path]:
    """Return the files that an import of a dotted name runs; a name within a module adds nothing."""
    parts = name.split(".")
    folders = [source.joinpath(*parts[:count], "__init__.py") for count in range(1, len(parts) + 1)]
    module = source.joinpath(*parts).with_suffix(".py")
    return {path for path in [*folders, module] if path.is_file()}
