"""`ray job submit -- python jobs/index.py …`: the options of `blanktrap index`."""

from blanktrap.cli import main

if __name__ == "__main__":
    main("index")
