"""`python -m rollbook_server`."""

from rollbook_server.cli import main

if __name__ == "__main__":
    main()
