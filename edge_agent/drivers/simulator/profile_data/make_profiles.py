"""Cut twelve spring weeks out of SimBench's full-year profiles, into one small file.

    pip install --no-deps simbench==1.6.3
    python make_profiles.py <site-packages>/simbench/networks/1-complete_data-mixed-all-1-sw   (in this folder)

Run again, it writes the same bytes.
"""

import csv
import gzip
import io
import sys
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
OUTPUT = HERE / "simbench-spring.csv.gz"
STEP = timedelta(minutes=15)
YEAR_STARTS_AT = datetime(2016, 1, 1)  # noqa: DTZ001  the source names no zone
STARTS_AT = datetime(2016, 3, 7)  # noqa: DTZ001  a Monday
WEEKS = 12

HOUSEHOLDS = [f"H0-{letter}" for letter in "ABCGHL"]
CHARGERS = ["HLS_A_3.7", "HLS_B_3.7", "HLS_C_3.7", "HLS_A_11.0", "HLS_B_11.0", "HLS_A_22.0"]
HEAT_PUMPS = [
    f"{kind}_{number}"
    for kind in ("Air_Alternative", "Air_Parallel", "Air_Semi-Parallel", "Soil_Alternative")
    for number in (1, 2)
]
PV = [f"PV{number}" for number in range(1, 9)]


def read_columns(path: Path, columns: dict[str, str]) -> dict[str, list[float]]:
    """The whole year of some columns: {name in our file: name in theirs}."""
    with path.open(newline="") as file:
        rows = csv.reader(file, delimiter=";")
        header = next(rows)
        places = {ours: header.index(theirs) for ours, theirs in columns.items()}
        year: dict[str, list[float]] = {ours: [] for ours in columns}
        for row in rows:
            for ours, place in places.items():
                year[ours].append(float(row[place]))
    return year


def text(value: float) -> str:
    """Four decimals at most: 0.01 % of the rated power."""
    return f"{max(0.0, value):.4f}".rstrip("0").rstrip(".") or "0"


def main(source: Path) -> None:
    """Write the file."""
    loads = {name: f"{name}_pload" for name in HOUSEHOLDS + CHARGERS + HEAT_PUMPS}
    year = read_columns(source / "LoadProfile.csv", loads)
    year |= read_columns(source / "RESProfile.csv", {name: name for name in PV})
    first = (STARTS_AT - YEAR_STARTS_AT) // STEP
    steps = timedelta(weeks=WEEKS) // STEP

    out = io.StringIO()
    hours = " ".join(f"{name}={sum(values) / 4:.1f}" for name, values in year.items())
    out.write(f"# full-load hours of the whole year: {hours}\n")
    out.write(",".join(["at", *year]) + "\n")
    for step in range(first, first + steps):
        at = YEAR_STARTS_AT + step * STEP
        out.write(
            ",".join([at.strftime("%Y-%m-%dT%H:%M"), *(text(year[name][step]) for name in year)]) + "\n"
        )
    OUTPUT.write_bytes(gzip.compress(out.getvalue().encode(), compresslevel=9, mtime=0))
    print(f"{OUTPUT}: {steps} rows, {len(year)} columns, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
