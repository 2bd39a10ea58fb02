"""Entry points for `ray job submit`, one a job; each takes the options of the command of its name.

`select` has none and needs no cluster: a file `select.py` here would hide Python's own module.
"""
