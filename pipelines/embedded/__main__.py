"""`python -m pipelines.embedded demo` or `up`; the same as `urbanbrain demo` and `urbanbrain up`."""

from __future__ import annotations

import argparse
import sys

from pipelines import embedded


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("demo", help="three business days, a summary, and everything stopped again")
    run.add_argument("--keep", action="store_true", help="leave everything running afterwards, until Ctrl-C")
    stay = commands.add_parser("up", help="the sample city and Airflow until Ctrl-C")
    stay.add_argument("--port", type=int, default=8080, help="of Airflow's pages; 0 takes a free one")
    given = parser.parse_args()
    return embedded.up(given.port) if given.command == "up" else embedded.demo(keep=given.keep)


if __name__ == "__main__":
    sys.exit(main())
