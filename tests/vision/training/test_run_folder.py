"""A state stands whole or not at all, on disk and on S3."""

import json
from pathlib import Path

import pytest
import torch

from blanktrap.core.errors import CheckpointError, TrainingError
from blanktrap.files.storage import Storage
from blanktrap.vision.training import run_folder
from blanktrap.vision.training.run_folder import RunFolder, begin_run, open_run
from blanktrap.vision.training.state import TrainingState
from tests.vision.training.loops import CONFIG, some_media

STORAGE = Storage()


def begin(location: str) -> RunFolder:
    return begin_run(STORAGE, location, some_media()[0], CONFIG, manifest_digest="sha256:1")


def state_of(value: float) -> TrainingState:
    return TrainingState(network={"weight": torch.full((3,), value)}, left_out={7: "missing"})


def weight_in(run: RunFolder) -> float:
    state = run.load_state()
    assert state is not None
    assert state.left_out == {7: "missing"}
    return float(state.network["weight"][0])


def check_folder(location: str) -> None:
    run = begin(location)
    assert run.load_state() is None
    assert run.num_epochs_done() == 0
    for value in (1.0, 2.0, 3.0):
        run.save_state(state_of(value))
        assert weight_in(run) == value
    seen = open_run(STORAGE, run.location, CONFIG)
    assert weight_in(seen) == 3.0
    for name in ("media_ids", "uris", "sizes_bytes", "location_ids", "sequence_ids", "is_nonblank", "splits"):
        assert getattr(seen.media, name).tolist() == getattr(run.media, name).tolist()
    begin(location)  # the same again is gone on with
    run.remove()
    with pytest.raises(TrainingError, match=r"a worker does not see .* give --storage a folder that all"):
        open_run(STORAGE, run.location, CONFIG)


def test_states_follow_each_other_on_disk(tmp_path: Path) -> None:
    check_folder(str(tmp_path / "runs" / "one"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.s3
def test_states_follow_each_other_on_s3(s3_bucket: str) -> None:
    check_folder(f"s3://{s3_bucket}/runs/one")


def test_state_that_is_cut_off_leaves_the_one_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(str(tmp_path / "run"))
    run.save_state(state_of(1.0))

    def cut(folder: Path, state: TrainingState) -> None:
        (folder / "network.safetensors").write_bytes(b"half")
        raise OSError("the power failed")

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "write_state", cut)
        for _ in range(2):
            with pytest.raises(OSError, match="the power failed"):
                run.save_state(state_of(2.0))
    assert weight_in(run) == 1.0
    run.save_state(state_of(3.0))
    assert weight_in(run) == 3.0


def test_first_weights_are_the_same_on_every_worker_and_leave_chance_alone(tmp_path: Path) -> None:
    run = begin(str(tmp_path / "run"))
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    one, two = run.build_network().state_dict(), run.build_network().state_dict()
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_other_media_of_the_same_manifest_are_another_run(tmp_path: Path) -> None:
    begin(str(tmp_path / "run"))
    media = some_media()[0]
    fewer = media.take(slice(0, 38))  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="holds a run of other media of this manifest"):
        begin_run(STORAGE, str(tmp_path / "run"), fewer, CONFIG, manifest_digest="sha256:1")


@pytest.mark.parametrize(
    "name", ["run.json", "latest.json", "state-a/state.json", "state-a/network.safetensors"]
)
def test_damage_is_one_line(tmp_path: Path, name: str) -> None:
    run = begin(str(tmp_path / "run"))
    run.save_state(state_of(1.0))
    (tmp_path / "run" / name).write_bytes(b"half")
    with pytest.raises((TrainingError, CheckpointError), match="damaged") as caught:
        begin(str(tmp_path / "run")).load_state()
    assert "\n" not in str(caught.value)


def test_record_says_what_the_run_is_of(tmp_path: Path) -> None:
    begin(str(tmp_path / "run"))
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["manifest_digest"] == "sha256:1"
    assert record["config"]["num_epochs"] == CONFIG.num_epochs


def test_state_without_a_run_is_not_gone_on_with(tmp_path: Path) -> None:
    run = begin(str(tmp_path / "run"))
    run.remove()
    run.save_state(state_of(1.0))  # by a worker that has not noticed
    assert begin(str(tmp_path / "run")).load_state() is None
