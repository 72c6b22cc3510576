"""`python -m reelmill_local`."""

from reelmill_local.cli import app

app(prog_name="reelmill-local")
