"""`python -m trueaim` is the command line."""

from trueaim.app.cli import main

main()
