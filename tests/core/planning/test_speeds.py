"""What a machine is expected to do, worked by hand, and against figures that others published."""

from dataclasses import replace

import pytest

from blanktrap.core.planning.prices import INSTANCE_TYPES, SPOT_SHARE
from blanktrap.core.planning.speeds import Workload, gpu_images_per_s, machine_speed

PHOTOGRAPHS = Workload(num_media=1000, mean_bytes=1_000_000)


def test_decoding_bounds_a_small_gpu_machine() -> None:
    found = machine_speed(INSTANCE_TYPES["g6.xlarge"], PHOTOGRAPHS)
    # Low: 4 vCPUs, 15 + 22 ms an image, of which 0.6 is kept. High: 5 + 7 ms and 0.92.
    assert found.images_per_s == (pytest.approx(4 / 0.037 * 0.6), pytest.approx(4 / 0.012 * 0.92))
    assert found.bottleneck == "decoding"


def test_the_better_published_speed_on_the_same_machine_lies_within_the_range() -> None:
    # Images of ImageNet's size on g6.xlarge, published: 382 images/s with Daft (71 with plain Ray Data).
    found = machine_speed(INSTANCE_TYPES["g6.xlarge"], Workload(num_media=1, mean_bytes=110_000))
    assert found.images_per_s[0] < 382 < found.images_per_s[1]


def test_without_a_gpu_a_vcpu_decodes_and_scores_one_after_the_other() -> None:
    found = machine_speed(INSTANCE_TYPES["c7i.4xlarge"], PHOTOGRAPHS)
    assert found.images_per_s[0] == pytest.approx(0.6 * 16 / (0.037 + 1 / 12))
    assert found.images_per_s[1] == pytest.approx(0.92 * 16 / (0.012 + 1 / 36))
    assert found.bottleneck == "inference"


def test_a_larger_input_takes_a_gpu_longer() -> None:
    larger = Workload(num_media=1, mean_bytes=1e6, input_px=4 * 500 * 375)
    ratios = [
        one / four
        for one, four in zip(gpu_images_per_s("L4", PHOTOGRAPHS), gpu_images_per_s("L4", larger), strict=True)
    ]
    assert ratios == pytest.approx([4.0, 4.0])


def test_a_slow_network_bounds_both_kinds() -> None:
    for name in ("g6.xlarge", "c7i.4xlarge"):
        slow = replace(INSTANCE_TYPES[name], network_gbit_per_s=(0.008, 0.016))
        found = machine_speed(slow, PHOTOGRAPHS)
        assert found.bottleneck == "network"
        assert found.images_per_s == pytest.approx((1.0, 2.0))


@pytest.mark.parametrize("name", INSTANCE_TYPES)
@pytest.mark.parametrize("mean_bytes", [10_000, 300_000, 1_200_000, 20_000_000])
def test_low_never_exceeds_high(name: str, mean_bytes: int) -> None:
    instance = INSTANCE_TYPES[name]
    low, high = machine_speed(instance, Workload(num_media=1, mean_bytes=mean_bytes)).images_per_s
    assert 0.0 < low < high
    cheap, dear = instance.usd_range("spot")
    assert cheap < dear < instance.usd_per_hour
    assert (cheap, dear) == tuple(share * instance.usd_per_hour for share in SPOT_SHARE)
