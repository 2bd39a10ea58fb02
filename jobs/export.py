"""`ray job submit -- python jobs/export.py …`: the options of `blanktrap export`."""

from blanktrap.cli import main

if __name__ == "__main__":
    main("export")
