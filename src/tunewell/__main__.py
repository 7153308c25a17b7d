"""`python -m tunewell`, for launchers that start modules (torchrun, accelerate launch)."""

from tunewell.cli.main import run

run()
