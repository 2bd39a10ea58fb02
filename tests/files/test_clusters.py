"""A cluster's file that cannot be read is refused in one line."""

from pathlib import Path

import pytest

from blanktrap.core.errors import ClusterError, SourceError
from blanktrap.files.clusters import read_cluster


def test_files_that_are_no_cluster_are_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    with pytest.raises(SourceError, match=f"^there is no {path}$"):
        read_cluster(str(path))
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ClusterError, match="is no YAML: "):
        read_cluster(str(path))
    path.write_text("provider: {type: aws")
    with pytest.raises(ClusterError, match="is no YAML: ") as refused:
        read_cluster(str(path))
    assert "\n" not in str(refused.value)
    path.write_text("- a list")
    with pytest.raises(ClusterError, match="is no cluster: expected provider"):
        read_cluster(str(path))
    path.write_text("cluster_name: ours")
    assert read_cluster(str(path)) == {"cluster_name": "ours"}
