"""Each fault that a cluster's file may have is one line; the shipped file has one, to be filled in."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from blanktrap.core.planning.cluster_rules import describe_cost, find_faults

FILE = Path(__file__).resolve().parents[3] / "cluster.yaml"
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def filled_in() -> dict[str, Any]:
    text = FILE.read_text(encoding="utf-8").replace("sg-SET-ME", "sg-0123456789abcdef0")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def node(cluster: dict[str, Any], kind: str) -> dict[str, Any]:
    """The machine of a kind; a copy, since YAML's anchors share parts between kinds."""
    of_kind = cluster["available_node_types"][kind]
    of_kind["node_config"] = copy.deepcopy(of_kind["node_config"])
    found: dict[str, Any] = of_kind["node_config"]
    return found


def test_the_shipped_file_says_once_what_is_to_be_filled_in() -> None:
    [fault] = find_faults(yaml.safe_load(FILE.read_text(encoding="utf-8")))
    assert fault == (
        "available_node_types.head.node_config.SecurityGroupIds[0]: sg-SET-ME is still to be filled in "
        "(there and in 4 more places)"
    )


def test_filled_in_it_has_no_fault(filled_in: dict[str, Any]) -> None:
    assert find_faults(filled_in) == []


def open_dashboard(cluster: dict[str, Any]) -> None:
    commands = cluster["head_start_ray_commands"]
    commands[1] = commands[1].replace("--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda c: node(c, "gpu-spot").pop("ImageId"), "gpu-spot.node_config.ImageId: there is none"),
        (lambda c: node(c, "gpu-spot").update(ImageId="ubuntu"), "ImageId: ubuntu is neither ami-"),
        (lambda c: node(c, "gpu-spot").pop("IamInstanceProfile"), "it may not read the archive"),
        (lambda c: node(c, "head").pop("IamInstanceProfile"), "Ray makes one with all rights"),
        (lambda c: node(c, "head").pop("SecurityGroupIds"), "opens port 22 to the internet"),
        (lambda c: node(c, "decode-spot").pop("MetadataOptions"), "HttpTokens: write required"),
        (lambda c: node(c, "decode-spot").pop("BlockDeviceMappings"), "too small for torch"),
        (
            lambda c: node(c, "decode-spot")["BlockDeviceMappings"][0]["Ebs"].pop("Encrypted"),
            "BlockDeviceMappings[0].Ebs.Encrypted: write true",
        ),
        (lambda c: node(c, "head").update(InstanceMarketOptions={"MarketType": "spot"}), "ends all jobs"),
        (lambda c: c["available_node_types"]["head"].update(resources={}), "head.resources.CPU: write 0"),
        (
            lambda c: c["available_node_types"]["gpu-spot"].update(resources={"CPU": 8, "GPU": 1}),
            "gpu-spot.resources.CPU: 8, a g6.xlarge has 4",
        ),
        (
            lambda c: c["available_node_types"]["gpu-spot"].update(resources={"CPU": 4}),
            "gpu-spot.resources.GPU: 0, a g6.xlarge has 1",
        ),
        (lambda c: c.update(head_node_type="boss"), "head_node_type: boss is none of"),
        (lambda c: c["provider"].pop("region"), "provider.region: there is none"),
        (
            lambda c: c["provider"].update(availability_zone="us-east-1a, eu-west-1a"),
            "provider.availability_zone: eu-west-1a is not in us-east-1",
        ),
        (lambda c: c["provider"].pop("cache_stopped_nodes"), "volumes paid for"),
        (lambda c: c["provider"].update(type="gcp"), "provider.type: gcp"),
        (lambda c: c.pop("idle_timeout_minutes"), "idle_timeout_minutes: there is none"),
        (lambda c: c.pop("head_start_ray_commands"), "Ray's own let the dashboard listen to everybody"),
        (open_dashboard, "head_start_ray_commands[1]: listens to everybody"),
        (
            lambda c: c.update(head_start_ray_commands=["ray start --head"]),
            "none is ever added without --autoscaling-config",
        ),
        (
            lambda c: c["setup_commands"].append("export AWS_SECRET_ACCESS_KEY=x"),
            "setup_commands[3]: a secret stands in the file",
        ),
        (lambda c: c["setup_commands"].append("aws AKIAIOSFODNN7EXAMPLE"), "a secret stands in the file"),
    ],
)
def test_each_fault_is_one_line(filled_in: dict[str, Any], change: Change, fault: str) -> None:
    cluster = copy.deepcopy(filled_in)
    change(cluster)
    found = find_faults(cluster)
    assert len([line for line in found if fault in line]) == 1, found
    # A missing head's name makes an ordinary machine of the head, which is another matter.
    assert len(found) == 1 or "head_node_type" in fault, found


def test_the_cost_at_the_most_is_that_of_the_dearest_allowed(filled_in: dict[str, Any]) -> None:
    cluster = copy.deepcopy(filled_in)
    cluster["max_workers"] = 3
    *kinds, total = describe_cost(cluster)
    assert kinds[0] == "head: 1 x m7i.large on-demand, $0.10 an hour each"
    assert kinds[1] == "gpu-spot: 0 to 8 x g6.xlarge spot, $0.24 to $0.56 an hour each"
    # Two g6.xlarge on demand and one g5.xlarge on the spot market, with the head.
    low, high = 2 * 0.8048 + 0.3 * 1.006 + 0.1008, 2 * 0.8048 + 0.7 * 1.006 + 0.1008
    assert (
        total == f"at the most ${low:.2f} to ${high:.2f} an hour with 3 machines, $0.10 with the head alone"
    )
    node(cluster, "gpu-spot")["InstanceType"] = "p9.huge"
    assert describe_cost(cluster)[1] == "gpu-spot: 0 to 8 x p9.huge spot, whose price is not known here"
