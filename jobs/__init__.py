"""Entry points for `ray job submit`, one a job; each takes the options of the command of its name.

Each takes this folder off the path before it imports anything that could want Python's own `select`.
"""
