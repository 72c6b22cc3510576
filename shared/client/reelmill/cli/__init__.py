"""The command line `reelmill`: an ordinary client of MovieService."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what gRPC prints by itself is for its developers

from .app import app, main

__all__ = ["app", "main"]
