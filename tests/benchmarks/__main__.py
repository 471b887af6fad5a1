"""Run benchmarks by name; without a name, all of them."""

import importlib
import json
import sys

NAMES = ("ingest", "startup", "dispatch", "baselines", "diagnostics", "flexibility", "tracking")


def main() -> int:
    words = sys.argv[1:]
    names = [word for word in words if not word.startswith("-") and word in NAMES]
    unknown = [
        word for word in words if not word.startswith("-") and word not in NAMES and not word.isdecimal()
    ]
    if unknown:
        print(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    options = [word for word in words if word not in names]
    for name in names or NAMES:
        result = importlib.import_module(f"tests.benchmarks.{name}").measure(options)
        print(json.dumps({"benchmark": name, **result}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
