"""The model of many machines agrees with arithmetic where arithmetic can say what comes out."""

import pytest

from benchmarks.scaling_simulation import Costs, Machine, Setting, simulate

FREE = Costs(fetch_s=0.0, engine_s=0.0, driver_s=0.0, write_s=0.0, copy_s=0.0)
CPU = Machine(num_cores=4, decode_s=0.02, infer_s=0.03, has_gpu=False, bytes_per_s=1e12, bytes_per_image=1e6)
GPU = Machine(
    num_cores=4,
    decode_s=0.02,
    infer_s=0.001,
    has_gpu=True,
    bytes_per_s=1e12,
    bytes_per_image=1e6,
    room_images=2000,
)


def change(machine: Machine, **values: float) -> Machine:
    from dataclasses import replace

    return replace(machine, **values)


@pytest.mark.parametrize(
    ("setting", "images_per_s", "bottleneck"),
    [
        # 4 cores of 1 / (0.02 + 0.03) images a second.
        (Setting(machine=CPU, num_machines=1, num_prefixes=100, costs=FREE), 80.0, "cores"),
        (Setting(machine=CPU, num_machines=10, num_prefixes=100, costs=FREE), 800.0, "cores"),
        # The stages overlap: 4 / 0.02 decoded, 1 / 0.001 inferred; then a GPU of 1 / 0.02.
        (Setting(machine=GPU, num_machines=1, num_prefixes=100, costs=FREE), 200.0, "cores"),
        (
            Setting(machine=change(GPU, infer_s=0.02), num_machines=1, num_prefixes=100, costs=FREE),
            50.0,
            "GPUs",
        ),
        # 100 machines would do 8,000: S3 answers 5,500 a second under one prefix.
        (Setting(machine=CPU, num_machines=100, num_prefixes=1, costs=FREE), 5500.0, "S3 requests"),
        # A network of 50 images a second.
        (
            Setting(machine=change(CPU, bytes_per_s=5e7), num_machines=1, num_prefixes=100, costs=FREE),
            50.0,
            "network",
        ),
        # A driver that takes 4 ms for a batch of 32.
        (
            Setting(
                machine=CPU,
                num_machines=200,
                num_prefixes=100,
                costs=Costs(fetch_s=0.0, engine_s=0.0, driver_s=0.004, write_s=0.0, copy_s=0.0),
            ),
            8000.0,
            "driver",
        ),
    ],
)
def test_steady_speed_is_that_of_the_slowest_stage(
    setting: Setting, images_per_s: float, bottleneck: str
) -> None:
    outcome = simulate(setting)
    assert outcome.images_per_s == pytest.approx(images_per_s, rel=0.03)
    assert outcome.bottleneck == bottleneck


def test_cores_wait_for_room_only_where_the_gpu_is_slow() -> None:
    quick = simulate(Setting(machine=GPU, num_machines=1, num_prefixes=100, costs=FREE))
    slow = change(GPU, infer_s=0.02)
    assert quick.waiting == 0.0
    assert (
        simulate(Setting(machine=slow, num_machines=1, num_prefixes=100, costs=FREE, piece=32)).waiting > 0.5
    )
