"""`ray job submit -- python jobs/score.py …`: the options of `blanktrap score`."""

from blanktrap.cli import main

if __name__ == "__main__":
    main("score")
