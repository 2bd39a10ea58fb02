"""`python -m blanktrap` is `blanktrap`."""

from blanktrap.cli import main

if __name__ == "__main__":
    main()
