"""The program ``leadfield``, as the wheel installs it."""

from __future__ import annotations

import signal
import sys

from ._leadfield import run_program


def main() -> int:
    """Runs the program with the arguments of this process, and returns its exit code."""
    # the program handles signals by itself; without this, Python would remember Ctrl-C until the end
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run_program(["leadfield", *sys.argv[1:]])
