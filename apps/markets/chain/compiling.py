"""Compile the contract: `make smart-contract`. The compiler is a dependency of development only."""

import json
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
SOURCES: Final = FOLDER / "contracts"
ARTIFACT: Final = FOLDER / "energy_market.json"


def compiled() -> dict[str, Any]:
    """Return what the sources compile to; the same bytes on every machine."""
    vyper = Path(sys.executable).parent / "vyper"
    command = [
        str(vyper),
        "-f",
        "abi,bytecode",
        "--no-bytecode-metadata",
        "--disable-sys-path",
        "-p",
        str(SOURCES),
    ]
    command.append(str(SOURCES / "energy_market.vy"))
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    digest = sha256(b"".join(path.read_bytes() for path in sorted(SOURCES.glob("*.vy")))).hexdigest()
    return {
        "compiler": f"vyper {version('vyper')}",
        "sources": digest,
        "abi": json.loads(said[0]),
        "bytecode": said[1],
    }


def rendered(artifact: dict[str, Any]) -> str:
    """Render the artifact with one entry of the interface a line, so that changes can be read."""
    abi = ",\n".join(json.dumps(entry) for entry in artifact["abi"])
    head = "".join(
        f"{json.dumps(key)}: {json.dumps(artifact[key])},\n" for key in ("compiler", "sources", "bytecode")
    )
    return "{\n" + head + '"abi": [\n' + abi + "\n]\n}\n"


if __name__ == "__main__":
    ARTIFACT.write_text(rendered(compiled()))
