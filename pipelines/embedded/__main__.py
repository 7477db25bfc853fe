"""`python -m pipelines.embedded demo` or `up`; the same as `urbanbrain demo` and `urbanbrain up`."""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="three business days, a summary, and everything stopped again")
    stay = commands.add_parser("up", help="the sample city and Airflow until Ctrl-C")
    stay.add_argument("--port", type=int, default=8080, help="of Airflow's user interface; 0 takes a free one")
    given = parser.parse_args()

    from pipelines.embedded import demo

    return demo.up(given.port) if given.command == "up" else demo.demo()


if __name__ == "__main__":
    sys.exit(main())
