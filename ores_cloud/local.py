"""Where a local run keeps its state, and the environment that points at it. Imports nothing heavy."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
LONGEST_SOCKET_PATH = 100  # the kernel allows 107 bytes
CLOCK_FILE = "clock"  # what the running platform's clock is, so that commands beside it have the same
DATABASES = {"run": "ores", "demo": "ores_demo"}


def state_folder(name: str) -> Path:
    """Return (not create) the folder of the run `name` under .ores (or ORES_STATE)."""
    return Path(os.environ.get("ORES_STATE", ROOT / ".ores")) / name


def socket_folder(state: Path) -> Path:
    """Return a folder for unix sockets: in the state folder, or a short one where that path is too long."""
    folder = state / "sockets"
    if len(str(folder / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET_PATH:
        return folder
    digest = hashlib.sha256(str(state).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"ores-{os.geteuid()}-{digest}"


def database_url(state: Path, database: str) -> str:
    """Return the URL of the embedded PostgreSQL's database."""
    return f"postgresql://ores@/{database}?host={quote(str(socket_folder(state)))}"


def redis_url(state: Path) -> str:
    """Return the URL of the embedded Redis."""
    return f"unix://{quote(str(socket_folder(state)))}/redis.sock"


def secret_key(state: Path) -> str:
    """Return this installation's secret, made on first use, readable by its owner only."""
    path = state / "secret_key"
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        fresh.replace(path)
    return path.read_text().strip()


def local_environment(name: str) -> dict[str, str]:
    """Return the settings' environment variables for the local run `name`."""
    state = state_folder(name)
    clock = state / CLOCK_FILE
    return {
        "ORES_CLOCK": os.environ.get("ORES_CLOCK") or (clock.read_text() if clock.exists() else ""),
        "DATABASE_URL": database_url(state, DATABASES.get(name, "ores")),
        "REDIS_URL": redis_url(state),
        "SECRET_KEY": os.environ.get("SECRET_KEY") or secret_key(state),
    }
