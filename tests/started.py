"""Commands that stay until somebody ends them."""

from __future__ import annotations

import subprocess


def said_by(command: subprocess.Popen[str]) -> str:
    """What a command says on its standard output until it tells how to end it: then it is ready, or it has ended."""
    assert command.stdout is not None
    said = ""
    for line in command.stdout:
        said += line
        if "Ctrl-C" in line:
            break
    return said
