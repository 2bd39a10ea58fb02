"""`ray job submit -- python jobs/train.py …`: the options of `blanktrap train`."""

import os.path
import sys

# The first folder on the path is that of this file, whose `select.py` would hide Python's own module.
_HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder) != _HERE]

if __name__ == "__main__":
    from blanktrap.cli import main

    main("train")
