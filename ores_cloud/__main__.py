"""`python -m ores_cloud run|demo`."""

import sys


def main() -> int:
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "run":
        from ores_cloud.supervisor import run

        return run()
    if command == "demo":
        from ores_cloud.demo.play import main as demo

        return demo(sys.argv[2:])
    print(
        f"{__doc__}\nrun: the platform on its embedded services; demo: the whole loop with 24 homes",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
