"""Run benchmarks by name, names before options; without a name, all of them."""

import importlib
import itertools
import json
import sys

NAMES = (
    "ingest",
    "startup",
    "dispatch",
    "baselines",
    "diagnostics",
    "flexibility",
    "tracking",
    "event",
    "vtn",
    "clearing",
    "hub",
    "portal",
)


def main() -> int:
    words = sys.argv[1:]
    names = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    options = words[len(names) :]
    for name in names or NAMES:
        result = importlib.import_module(f"tests.benchmarks.{name}").measure(options)
        print(json.dumps({"benchmark": name, **result}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
