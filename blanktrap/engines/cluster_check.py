"""Checking a cluster's file offline: Ray's schema and defaults, EC2's model, and rules of our own.

Owns: what Ray says of the file, and all findings together. Refuses: asking AWS for anything.
"""

import contextlib
import io
import logging
from typing import Any

from blanktrap.core.planning.cluster_rules import find_faults
from blanktrap.files.clusters import find_request_faults, read_cluster


def check_cluster(path: str) -> tuple[dict[str, Any], list[str]]:
    """Check a cluster's file as far as that goes without AWS.

    Returns:
        The file's content, and one line for each fault; none where it may be used.

    Raises:
        BlanktrapError: it cannot be read.
    """
    cluster = read_cluster(path)
    faults = _ray_faults(cluster)
    if any(fault.startswith("available_node_types") for fault in faults):
        return cluster, faults  # its shape is not what the other checks expect
    return cluster, [*faults, *find_request_faults(cluster), *find_faults(cluster)]


def _ray_faults(cluster: dict[str, Any]) -> list[str]:
    """What Ray's own schema says, with Ray's defaults filled in."""
    from jsonschema import ValidationError
    from ray.autoscaler._private.util import prepare_config, validate_config

    # Ray's launcher prints what it fills in, and warns of every file that is mounted by itself: no faults.
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            validate_config(prepare_config(cluster))
    except ValidationError as problem:
        where = ".".join(map(str, problem.absolute_path)) or "the file"
        return [f"{where}: {problem.message}"]
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError, RuntimeError) as problem:
        return [f"the file: Ray cannot read it ({type(problem).__name__}: {problem})"]
    finally:
        logging.disable(logging.NOTSET)
    return []
