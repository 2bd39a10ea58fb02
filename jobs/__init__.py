"""Entry points for `ray job submit`, one a job; each takes the options of the command of its name."""
