"""`ray job submit -- python jobs/evaluate.py …`: the options of `blanktrap evaluate`."""

from blanktrap.cli import main

if __name__ == "__main__":
    main("evaluate")
