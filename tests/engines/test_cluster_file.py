"""cluster.yaml against Ray's schema, EC2's model and a made-up EC2; the rights of its machines."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from blanktrap.cli import main
from blanktrap.engines.cluster_check import check_cluster

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "cluster.yaml").read_text(encoding="utf-8")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A made-up AWS in this process; keys that Ray makes go into a home of their own."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def check(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "cluster.yaml").write_text(text, encoding="utf-8")
    return check_cluster(str(tmp_path / "cluster.yaml"))[1]


def test_filled_in_the_file_passes_every_check(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, TEXT.replace("SET-ME", "0123456789abcdef0")) == []
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (
            "resources: {CPU: 16}",
            "resources: {CPU: 15.5}",
            "available_node_types.decode-spot.resources.CPU: 15.5 is not of type 'integer'",
        ),
        ("max_workers: 12", "max_wokers: 12", "max_wokers"),
        ("MarketType: spot", "MarketTyp: spot", 'in InstanceMarketOptions: "MarketTyp"'),
        ("VolumeSize: 150", "VolumeSize: large", "VolumeSize"),
        ("InstanceType: g5.xlarge", "InstanceTyp: g5.xlarge", 'unknown parameter in input: "InstanceTyp"'),
    ],
)
def test_ray_and_ec2_are_asked_what_they_know(tmp_path: Path, before: str, after: str, fault: str) -> None:
    assert TEXT.count(before) >= 1
    found = check(tmp_path, TEXT.replace("SET-ME", "0123456789abcdef0").replace(before, after))
    assert any(fault in line for line in found), found
    assert all("\n" not in line and len(line) < 200 for line in found)


def test_faults_are_printed_and_end_with_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["blanktrap", "cluster", "check", str(ROOT / "cluster.yaml")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    captured = capsys.readouterr()
    assert "sg-SET-ME is still to be filled in" in captured.out
    assert captured.err == f"blanktrap: {ROOT / 'cluster.yaml'} has 1 fault: mend it before ray up\n"


def test_machines_come_and_go_as_the_file_says(aws: None) -> None:
    from ray.autoscaler._private.aws.config import bootstrap_aws
    from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
    from ray.autoscaler._private.util import prepare_config

    logging.getLogger("ray").setLevel(logging.ERROR)
    ec2, iam = boto3.client("ec2"), boto3.client("iam")
    group = ec2.create_security_group(
        GroupName="blanktrap", Description="own", VpcId=ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    )["GroupId"]
    trust = (ROOT / "deploy" / "iam" / "trust-policy.json").read_text(encoding="utf-8")
    for name in ("blanktrap-head", "blanktrap-worker"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    cluster: dict[str, Any] = yaml.safe_load(TEXT.replace("sg-SET-ME", group))
    image = ec2.describe_images()["Images"][0]["ImageId"]  # the made-up one has no parameters
    for kind in cluster["available_node_types"].values():
        kind["node_config"]["ImageId"] = image

    ready = bootstrap_aws(prepare_config(cluster))
    # Ray has made neither a group nor a role of its own, and opened nothing.
    groups = [one["GroupName"] for one in ec2.describe_security_groups()["SecurityGroups"]]
    assert sorted(set(groups)) == ["blanktrap", "default"]
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"] == []
    assert {role["RoleName"] for role in iam.list_roles()["Roles"]} == {"blanktrap-head", "blanktrap-worker"}

    provider = AWSNodeProvider(ready["provider"], ready["cluster_name"])
    wanted = {"head": None, "gpu-spot": "spot", "gpu-on-demand": None, "decode-spot": "spot"}
    for kind in wanted:
        tags = {"ray-node-type": kind, "ray-user-node-type": kind, "ray-node-status": "uninitialized"}
        provider.create_node(ready["available_node_types"][kind]["node_config"], tags, 1)
    made = [one for found in ec2.describe_instances()["Reservations"] for one in found["Instances"]]
    by_kind = {tag["Value"]: one for one in made for tag in one["Tags"] if tag["Key"] == "ray-user-node-type"}
    assert {kind: one.get("InstanceLifecycle") for kind, one in by_kind.items()} == wanted
    for kind, one in by_kind.items():
        profile = "blanktrap-head" if kind == "head" else "blanktrap-worker"
        assert one["IamInstanceProfile"]["Arn"].endswith(f"/{profile}")
        assert one["MetadataOptions"]["HttpTokens"] == "required"
        assert [found["GroupId"] for found in one["SecurityGroups"]] == [group]
    volumes = ec2.describe_volumes()["Volumes"]
    assert {(one["Size"], one["VolumeType"], one["Encrypted"]) for one in volumes} == {(150, "gp3", True)}

    provider.terminate_nodes([one["InstanceId"] for one in made])
    left = [one for found in ec2.describe_instances()["Reservations"] for one in found["Instances"]]
    assert {one["State"]["Name"] for one in left} == {"terminated"}


def test_a_worker_reads_the_archive_and_writes_the_results_and_nothing_else(aws: None) -> None:
    policy = (ROOT / "deploy" / "iam" / "worker-policy.json").read_text(encoding="utf-8")
    names = {
        "ARCHIVE-BUCKET": "archive",
        "ARCHIVE-PREFIX": "photos",
        "RESULTS-BUCKET": "results",
        "RESULTS-PREFIX": "season",
    }
    for placeholder, value in names.items():
        policy = policy.replace(placeholder, value)
    iam, s3 = boto3.client("iam"), boto3.client("s3")
    for bucket in ("archive", "results", "other"):
        s3.create_bucket(Bucket=bucket)
        for key in ("photos/a.jpg", "season/part-00000000.parquet", "private/a.jpg"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    iam.create_user(UserName="worker")
    iam.put_user_policy(UserName="worker", PolicyName="worker", PolicyDocument=policy)
    key = iam.create_access_key(UserName="worker")["AccessKey"]
    worker = boto3.client(
        "s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )

    def may(operation: str, **arguments: Any) -> bool:
        try:
            getattr(worker, operation)(**arguments)
        except ClientError as problem:
            if problem.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True

    @set_initial_no_auth_action_count(0)
    def ask() -> None:
        part = "season/part-00000000.parquet"
        assert may("get_object", Bucket="archive", Key="photos/a.jpg")
        assert may("list_objects_v2", Bucket="archive", Prefix="photos/")
        assert may("put_object", Bucket="results", Key="season/run.json", Body=b"{}")
        assert may("get_object", Bucket="results", Key=part)
        assert may("list_objects_v2", Bucket="results", Prefix="season/")
        assert may("create_multipart_upload", Bucket="results", Key="season/big.csv")
        assert may("delete_object", Bucket="results", Key=part)
        assert not may("put_object", Bucket="archive", Key="photos/a.jpg", Body=b"")
        assert not may("delete_object", Bucket="archive", Key="photos/a.jpg")
        assert not may("get_object", Bucket="archive", Key="private/a.jpg")
        assert not may("put_object", Bucket="results", Key="photos/a.jpg", Body=b"")
        assert not may("get_object", Bucket="results", Key="private/a.jpg")
        assert not may("get_object", Bucket="other", Key="photos/a.jpg")
        assert not may("list_objects_v2", Bucket="other")
        assert not may("put_bucket_policy", Bucket="results", Policy="{}")

    ask()
