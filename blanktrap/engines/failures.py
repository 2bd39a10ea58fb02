"""What went wrong under Ray, in one line of our own.

Owns: finding our error under what Ray wraps around it. Refuses: deciding what is tried again.
"""

import re

from blanktrap.core.errors import BlanktrapError, EngineError

_WITHIN = ("cause", "controller_failure", "health_check_failure", "_base_exc")
"""Where Ray's exceptions keep the one that they are about."""


def our_error(problem: BaseException) -> BlanktrapError | None:
    """Our own error where Ray has wrapped one; None where there is none."""
    waiting: list[BaseException | None] = [problem]
    while waiting:
        seen = waiting.pop(0)
        if isinstance(seen, BlanktrapError):
            return seen
        if seen is not None:
            inner = [getattr(seen, name, None) for name in _WITHIN]
            inner += getattr(seen, "worker_failures", {}).values()
            waiting += [one for one in (*inner, seen.__cause__) if isinstance(one, BaseException)]
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
