"""`python -m smx2vertex`."""

from .cli import main

main()
