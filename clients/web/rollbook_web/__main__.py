"""`python -m rollbook_web` is the command `rollbook-web`."""

from rollbook_web.cli import main

main()
