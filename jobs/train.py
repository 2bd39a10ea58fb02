"""`ray job submit -- python jobs/train.py …`: the options of `blanktrap train`."""

from blanktrap.cli import main

if __name__ == "__main__":
    main("train")
