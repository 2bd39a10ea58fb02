"""What went wrong under Ray, in one line of our own.

Owns: finding our error under what Ray wraps around it. Refuses: deciding what is tried again.
"""

import re

from blanktrap.core.errors import BlanktrapError, EngineError


def our_error(problem: BaseException) -> BlanktrapError | None:
    """Our own error where Ray has wrapped one; None where there is none."""
    seen: BaseException | None = problem
    while seen is not None:
        if isinstance(seen, BlanktrapError):
            return seen
        cause = getattr(seen, "cause", None)
        seen = cause if isinstance(cause, BaseException) else seen.__cause__
    return None


def plain_error(problem: BaseException) -> BlanktrapError:
    """Find our own one-line error under what Ray wraps around it."""
    ours = our_error(problem)
    if ours is not None:
        return type(ours)(*ours.args)
    # An actor that fails in its constructor leaves only text behind.
    said = re.findall(r"blanktrap\.[\w.]+Error: (.+)", str(problem))
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    reason = said[-1] if said else lines[-1] if lines else type(problem).__name__
    return EngineError(f"the work stopped: {reason}; run the same command again to go on")
