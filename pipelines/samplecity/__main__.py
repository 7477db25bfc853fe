"""`python -m pipelines.samplecity serve`: the city without the rest of the command line."""

from __future__ import annotations

import argparse

from pipelines.samplecity import serve


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="pipelines.samplecity")
    parser.add_argument("action", choices=["serve"])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8600)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0)
    asked = parser.parse_args()
    serve(asked.host, asked.port, asked.seed, asked.scale)


if __name__ == "__main__":
    main()
