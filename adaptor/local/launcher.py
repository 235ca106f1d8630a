"""Pins itself to a core and becomes another program: ``python launcher.py CORE PROGRAM ARGUMENT...``.

Pinning must happen between fork and exec, and Python code there (`preexec_fn`) can deadlock in a process with threads.
A tiny program in between has no threads. It runs by file name and imports nothing of adaptor, so it costs 20 ms.
"""

from __future__ import annotations

import os
import sys


def main(arguments: list[str]) -> None:
    """Pin and exec; does not return."""
    core, *command = arguments
    os.sched_setaffinity(0, {int(core)})
    os.execv(command[0], command)  # noqa: S606 - becoming the program is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])
