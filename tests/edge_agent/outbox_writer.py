"""Run as a process of its own and killed at any moment: fills an outbox as a hub does, prints what it acknowledged."""

import sys
from pathlib import Path

from edge_agent.outbox import Outbox
from vpp.energy_manager.process_image import ProcessImage
from vpp.protocols.link.messages import InstructionStatus


def main(path: Path) -> None:
    outbox = Outbox(path, machine_boot="the same machine")
    start = int(outbox.get("count") or b"0")
    print("open", flush=True)
    for count in range(start, start + 1_000_000):
        outbox.put("count", str(count + 1).encode())
        outbox.add_row(ProcessImage(at=count, grid_kw=1.0, import_kwh=1.0, export_kwh=0.0, load_kw=1.0))
        if count % 7 == 0:
            outbox.add_status(InstructionStatus(0, f"i{count}", 1, "applied", count))
        outbox.commit()
        ends, first = outbox.ends(), outbox.first_unacked()
        if count % 3 == 0 and ends["live"] > first["live"]:
            # Seen by a cloud: from now on nothing may be added to it.
            outbox.read("live", first=ends["live"] - 1, end=ends["live"])
        if count % 500 == 499:
            for body in outbox.read("live", first=first["live"], end=first["live"] + 5):
                sys.stdout.write(body.decode() + "\n")
            sys.stdout.flush()
            outbox.acknowledge("live", first["live"] + 4)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
