"""A cluster's YAML file, and what EC2's own model says of the machines in it.

Owns: reading the file, and checking each machine against the request that Ray would make, without making it.
Refuses: Ray's schema (`engines.cluster_check`) and our own rules (`core.planning.cluster_rules`).
"""

import re
from typing import Any

import botocore.session
import yaml
from botocore.validate import ParamValidator

from blanktrap.core.errors import ClusterError
from blanktrap.files.storage import Storage


def read_cluster(path: str) -> dict[str, Any]:
    """Read a cluster's file.

    Raises:
        SourceError: it cannot be read.
        ClusterError: it is no YAML, or not a mapping.
    """
    data = Storage().read_bytes(path)
    try:
        found = yaml.safe_load(data)
    except yaml.YAMLError as problem:
        raise ClusterError(f"{path} is no YAML: {' '.join(str(problem).split())}") from problem
    if not isinstance(found, dict):
        raise ClusterError(f"{path} is no cluster: expected provider, available_node_types and the like")
    return found


def find_request_faults(cluster: dict[str, Any]) -> list[str]:
    """Check what each machine tells EC2 against the model of its RunInstances request.

    Returns:
        One line for each parameter that EC2 does not know or would not take.
    """
    service = botocore.session.get_session().get_service_model("ec2")
    shape = service.operation_model("RunInstances").input_shape
    assert shape is not None
    faults = []
    for name, kind in (cluster.get("available_node_types") or {}).items():
        node = kind.get("node_config") if isinstance(kind, dict) else None
        if not isinstance(node, dict):
            continue  # Ray's schema says so
        report = ParamValidator().validate({"MinCount": 1, "MaxCount": 1, **node}, shape)
        where = f"available_node_types.{name}.node_config"
        for line in report.generate_report().splitlines():
            faults.append(f"{where}: {_shorter(line)}")
    return faults


def _shorter(line: str) -> str:
    """`Unknown parameter in input: "X", must be one of: …` without the hundred that it might be."""
    said = re.sub(r", must be one of: .*", "", line)
    return f"{said[:1].lower()}{said[1:]}"
