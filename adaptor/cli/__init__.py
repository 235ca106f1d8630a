"""The command line: parses, calls, prints. Every error that is meant for people becomes one line and exit code 2."""

import os

# gRPC's own library writes lines of its own to standard error, such as on every handshake that a peer breaks off; it
# reads this when it is first imported. What matters of them reaches adaptor as errors.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from adaptor.cli.main import main

__all__ = ["main"]
