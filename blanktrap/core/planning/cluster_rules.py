"""What is wrong with a cluster's file, by rules of our own: safety, rights, what would fail or cost later.

Owns: the rules, each a line that says where, what and what to do. Refuses: reading the file, and what Ray's
schema and AWS's own models say of it (`files.clusters`, `engines.cluster_check`).
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from blanktrap.core.config import InstanceChoice
from blanktrap.core.planning.prices import INSTANCE_TYPES, Range
from blanktrap.core.wording import number

PLACEHOLDER: Final = "SET-ME"
_SECRET = re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|secret_access_key|BEGIN [A-Z ]*PRIVATE KEY", re.IGNORECASE)
_IMAGE = re.compile(r"ami-[0-9a-f]{8,17}|resolve:ssm:/.+|" + PLACEHOLDER)
_LISTENS_TO_ALL = re.compile(r"--(dashboard|ray-client-server)-host[= ](0\.0\.0\.0|::)")

Types = dict[str, dict[str, Any]]


def find_faults(cluster: dict[str, Any]) -> list[str]:
    """Look at a cluster's file as it is written, without Ray's defaults.

    Args:
        cluster: the parsed YAML.

    Returns:
        One line for each fault: where, what, what to do.
    """
    faults = _unfilled(cluster)
    faults += [
        f"{where}: a secret stands in the file; machines get their rights from instance profiles"
        for where, value in _texts(cluster)
        if _SECRET.search(value)
    ]
    faults += _of_provider(cluster)
    faults += _of_commands(cluster)
    types: Types = cluster.get("available_node_types") or {}
    head = cluster.get("head_node_type")
    if head not in types:
        faults.append(
            f"head_node_type: {head} is none of available_node_types ({', '.join(types) or 'none'})"
        )
    for name, kind in types.items():
        node = kind.get("node_config") or {}
        where = f"available_node_types.{name}"
        faults += _of_node(where, node, is_head=name == head)
        faults += _of_resources(where, kind, node, is_head=name == head)
    return faults


def _texts(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """All texts in a file with the place where they stand."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _texts(inner, f"{where}[{position}]")
    elif isinstance(value, str):
        yield where, value


def _unfilled(cluster: dict[str, Any]) -> list[str]:
    """What is left to fill in, each once: YAML's anchors repeat it."""
    places: dict[str, list[str]] = {}
    for where, value in _texts(cluster):
        if PLACEHOLDER in value:
            places.setdefault(value, []).append(where)
    return [
        f"{found[0]}: {value} is still to be filled in"
        + (f" (there and in {number(len(found) - 1, 'more place')})" if len(found) > 1 else "")
        for value, found in places.items()
    ]


def _of_provider(cluster: dict[str, Any]) -> Iterator[str]:
    provider = cluster.get("provider") or {}
    if provider.get("type") != "aws":
        yield f"provider.type: {provider.get('type')}, only aws is checked"
    region = provider.get("region")
    if not region:
        yield "provider.region: there is none; write that of the archive's bucket, such as us-east-1"
    for zone in str(provider.get("availability_zone") or "").split(","):
        if zone.strip() and region and not zone.strip().startswith(str(region)):
            yield f"provider.availability_zone: {zone.strip()} is not in {region}"
    if provider.get("cache_stopped_nodes", True):
        yield (
            "provider.cache_stopped_nodes: idle machines would be stopped and their volumes paid for: "
            "write false"
        )
    if "idle_timeout_minutes" not in cluster:
        yield "idle_timeout_minutes: there is none; write how long an idle machine may cost, such as 5"


def _of_commands(cluster: dict[str, Any]) -> Iterator[str]:
    started = cluster.get("head_start_ray_commands")
    if not started:
        yield (
            "head_start_ray_commands: Ray's own let the dashboard listen to everybody: write them, with "
            "--dashboard-host=127.0.0.1"
        )
    for position, command in enumerate(started or []):
        where = f"head_start_ray_commands[{position}]"
        if _LISTENS_TO_ALL.search(str(command)):
            yield f"{where}: listens to everybody; write --dashboard-host=127.0.0.1"
        if "ray start" in str(command) and "--autoscaling-config" not in str(command):
            yield f"{where}: none is ever added without --autoscaling-config=~/ray_bootstrap_config.yaml"


def _of_node(where: str, node: dict[str, Any], *, is_head: bool) -> Iterator[str]:
    """What EC2 is told of a machine."""
    where = f"{where}.node_config"
    image = node.get("ImageId")
    if image is None:
        yield f"{where}.ImageId: there is none, and Ray's own is an image of years ago"
    elif not isinstance(image, str) or not _IMAGE.fullmatch(image):
        yield f"{where}.ImageId: {image} is neither ami-… nor resolve:ssm:/…"
    if not node.get("IamInstanceProfile"):
        otherwise = "Ray makes one with all rights" if is_head else "it may not read the archive"
        yield f"{where}.IamInstanceProfile: there is none, and {otherwise}"
    if not node.get("SecurityGroupIds") and not node.get("NetworkInterfaces"):
        yield f"{where}.SecurityGroupIds: there are none, and Ray's own group opens port 22 to the internet"
    if (node.get("MetadataOptions") or {}).get("HttpTokens") != "required":
        yield f"{where}.MetadataOptions.HttpTokens: write required, or its rights can be stolen"
    for position, mapping in enumerate(node.get("BlockDeviceMappings") or []):
        if isinstance(mapping, dict) and not (mapping.get("Ebs") or {}).get("Encrypted", False):
            yield f"{where}.BlockDeviceMappings[{position}].Ebs.Encrypted: write true"
    if not node.get("BlockDeviceMappings"):
        yield f"{where}.BlockDeviceMappings: there are none, and the image's volume is too small for torch"


def _of_resources(where: str, kind: dict[str, Any], node: dict[str, Any], *, is_head: bool) -> Iterator[str]:
    """What Ray is told of a machine."""
    resources = kind.get("resources") or {}
    if is_head:
        if resources.get("CPU") != 0:
            yield f"{where}.resources.CPU: write 0, so that no task of a job can take the head down"
        if node.get("InstanceMarketOptions"):
            yield f"{where}.node_config.InstanceMarketOptions: a head that is taken away ends all jobs"
        return
    known = INSTANCE_TYPES.get(str(node.get("InstanceType")))
    if known is None:
        return
    if resources.get("CPU", 0) > known.num_vcpus:
        yield f"{where}.resources.CPU: {resources['CPU']}, a {known.name} has {known.num_vcpus}"
    if resources.get("GPU", 0) != known.num_gpus:
        yield f"{where}.resources.GPU: {resources.get('GPU', 0)}, a {known.name} has {known.num_gpus}"


def market_of(node: dict[str, Any]) -> str:
    """`spot` or `on-demand`, by what EC2 is told."""
    return "spot" if (node.get("InstanceMarketOptions") or {}).get("MarketType") == "spot" else "on-demand"


def describe_cost(cluster: dict[str, Any]) -> list[str]:
    """What each kind of machine costs an hour, and all that may be there together."""
    types: Types = cluster.get("available_node_types") or {}
    lines: list[str] = []
    costs: list[Range] = []
    head_usd: Range = (0.0, 0.0)
    for name, kind in types.items():
        node = kind.get("node_config") or {}
        instance, market = str(node.get("InstanceType")), market_of(node)
        is_head = name == cluster.get("head_node_type")
        most = 1 if is_head else int(kind.get("max_workers", cluster.get("max_workers", 0)))
        how_many = "1" if is_head else f"{kind.get('min_workers', 0)} to {most}"
        if instance not in INSTANCE_TYPES:
            lines.append(f"{name}: {how_many} x {instance} {market}, whose price is not known here")
            continue
        usd = InstanceChoice(name=instance, market="spot" if market == "spot" else "on-demand")
        price = INSTANCE_TYPES[usd.name].usd_range(usd.market)
        lines.append(f"{name}: {how_many} x {instance} {market}, {_price(price)} an hour each")
        if is_head:
            head_usd = price
        else:
            costs += [price] * most
    allowed = int(cluster.get("max_workers", len(costs)))
    dearest = sorted(costs, key=lambda price: price[1], reverse=True)[:allowed]
    total = head_usd[0] + sum(low for low, _ in dearest), head_usd[1] + sum(high for _, high in dearest)
    most_text = f"at the most {_price(total)} an hour with {number(len(dearest), 'machine')}"
    return [*lines, f"{most_text}, {_price(head_usd)} with the head alone"]


def _price(usd: Range) -> str:
    return f"${usd[0]:.2f}" if usd[0] == usd[1] else f"${usd[0]:.2f} to ${usd[1]:.2f}"
