"""`python -m ragent.cli`."""

from ragent.cli.entry import main

main()
