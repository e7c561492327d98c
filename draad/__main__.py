"""`python -m draad` is `draad`."""

from draad.cli import main

main()
