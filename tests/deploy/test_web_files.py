"""The set-up's part for pages: what is installed when, with another npm in npm's place."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.architecture.tree import ROOT

NPM = """#!/bin/sh
[ "$1" = --version ] && echo {version} && exit 0
echo "$@" >> {log}
mkdir -p node_modules && ls -A > node_modules/saw
exit {code}
"""


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("web_files", ROOT / "deploy" / "web_files.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TARGET", tmp_path / ".web")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return module


def put_npm(folder: Path, *, version: str = "11.0.0", code: int = 0) -> Path:
    npm, log = folder / "npm", folder / "log"
    npm.write_text(NPM.format(version=version, log=log, code=code))
    npm.chmod(0o755)
    return log


def test_npm_installs_by_the_lock_file_once(web: ModuleType, tmp_path: Path) -> None:
    log = put_npm(tmp_path)
    for _ in range(2):
        assert web.install_web("cloud", python=Path(sys.executable)) == ""
    assert log.read_text() == "ci --ignore-scripts --omit=dev\n"
    saw = (tmp_path / ".web" / "node_modules" / "saw").read_text().split()
    assert set(web.LISTED) <= set(saw)


def test_development_brings_what_the_platform_needs_but_not_the_other_way(
    web: ModuleType, tmp_path: Path
) -> None:
    log = put_npm(tmp_path)
    for level in ("cloud", "dev", "cloud"):
        assert web.install_web(level, python=Path(sys.executable)) == ""
    assert log.read_text().splitlines() == ["ci --ignore-scripts --omit=dev", "ci --ignore-scripts"]


def test_what_npm_says_is_told_and_the_next_time_tries_again(web: ModuleType, tmp_path: Path) -> None:
    put_npm(tmp_path, code=1)
    no_pip = tmp_path / "python"
    no_pip.write_text("#!/bin/sh\necho no wheel here >&2\nexit 1\n")
    no_pip.chmod(0o755)
    assert web.install_web("cloud", python=no_pip) == "npm failed silently\nno wheel here\n"
    log = put_npm(tmp_path)
    assert web.install_web("cloud", python=no_pip) == ""
    assert len(log.read_text().splitlines()) == 2


def test_an_npm_too_old_for_the_lock_file_is_not_used(web: ModuleType, tmp_path: Path) -> None:
    put_npm(tmp_path, version="6.14.0")
    assert web.machines_npm() is None
    put_npm(tmp_path, version="7.0.0")
    assert web.machines_npm() == str(tmp_path / "npm")


def test_the_lock_file_names_every_package_with_its_hash_and_no_registry() -> None:
    lock = json.loads((ROOT / "requirements" / "web" / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert [name for name, one in packages.items() if not one["integrity"].startswith("sha512-")] == []
    assert [name for name, one in packages.items() if "resolved" in one] == []
