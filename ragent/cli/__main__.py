"""`python -m ragent.cli`."""

from ragent.cli.app import main

main()
