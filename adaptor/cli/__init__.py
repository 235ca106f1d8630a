"""The command line: parses, calls, prints. Every error that is meant for people becomes one line and exit code 2."""

from adaptor.cli.main import main

__all__ = ["main"]
