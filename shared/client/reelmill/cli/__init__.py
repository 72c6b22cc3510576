"""The command line `reelmill`: an ordinary client of MovieService."""

from .app import app, main

__all__ = ["app", "main"]
