"""How fast each stage is: the one table of speeds, each with where it comes from.

Owns: seconds of a vCPU to decode an image, images a second of a processor or a GPU, and what a whole machine
makes of them. Refuses: prices (`prices`), and measuring; what a run really took stands in its run.json.

Of GPUs nothing was measured here: their figures are modelled from the makers' data sheets, and so wide.
"""

from dataclasses import dataclass
from typing import Final

from blanktrap.core.planning.prices import InstanceType, Range

# Pixels of the network's input that the speeds below were measured at: 500 x 375.
REFERENCE_INPUT_PX: Final = 500 * 375

DECODE_S_PER_IMAGE: Final[Range] = (0.005, 0.015)
"""Seconds of a vCPU for an image however small, to 500 x 375: from the measurements below."""
DECODE_S_PER_MB: Final[Range] = (0.007, 0.022)
"""Seconds more for each megabyte of JPEG. Slow end: `benchmarks/stage_speeds.py` on an EPYC of 2021, 23.9 ms
for 2048 x 1536 at 1.22 MB, 9.9 ms for 640 x 640 at 0.05 MB, 24.9 ms for 3264 x 2448 at 0.64 MB. Fast end: a
Xeon with AMX, by an earlier measurement, 12.7 ms for 2048 x 1536."""

CPU_IMAGES_PER_S: Final[dict[str, Range]] = {
    "amx": (12.0, 36.0),
    "avx512_bf16": (12.0, 14.0),
    "float32": (1.7, 6.6),
}
"""ResNet34 at 500 x 375, images a second of a vCPU. Measured on one core of three processors, `float32` by
`benchmarks/stage_speeds.py` at the low end; the low figure of `amx` is stated: half a core is no core."""

GPU_TERAFLOPS: Final[dict[str, float]] = {"T4": 65.0, "A10G": 70.0, "L4": 121.0}
"""Dense half-precision peak, from NVIDIA's data sheets."""
GPU_UTILIZATION: Final[Range] = (0.1, 0.35)
"""Share of the peak that ResNet34 reaches in torch: stated, not measured here."""
GFLOP_PER_IMAGE: Final = 27.4
"""ResNet34 at 500 x 375: 3.67 billion multiplications and additions at 224 x 224, by pixels, times two."""

PIPELINE_SHARE: Final[Range] = (0.6, 0.92)
"""Share of the stages' speed that a whole machine keeps. High: measured, `blanktrap score` against one core
that decodes and scores (0.91 to 0.94). Low: stated, for pixels that are copied between processes."""

DRIVER_IMAGES_PER_S: Final[Range] = (4_400.0, 9_000.0)
"""Images a second that the driver of one run hands out, to however many machines. Low: measured, 7.2 ms for a
batch of 32 on a slow core (`benchmarks/scaling_model.py --measure`). High: stated, a core twice as fast."""

STAGES: Final = ("decoding", "inference", "network")


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What is to be scored, as far as speed depends on it."""

    num_media: int
    mean_bytes: float
    """Mean size of a file."""
    input_px: int = REFERENCE_INPUT_PX
    """Width times height of the network's input."""

    def decode_s(self) -> Range:
        """Seconds of a vCPU to decode one image, best and worst."""
        megabytes = self.mean_bytes / 1e6
        return (
            DECODE_S_PER_IMAGE[0] + DECODE_S_PER_MB[0] * megabytes,
            DECODE_S_PER_IMAGE[1] + DECODE_S_PER_MB[1] * megabytes,
        )

    def inference_scale(self) -> float:
        """How much longer the network takes than at the reference input."""
        return self.input_px / REFERENCE_INPUT_PX


@dataclass(frozen=True, kw_only=True)
class MachineSpeed:
    """What one machine makes of a workload."""

    images_per_s: Range
    """Low and high."""
    bottleneck: str
    """The stage that bounds it, of `STAGES`, at the low speed."""


def gpu_images_per_s(gpu: str, workload: Workload) -> Range:
    """Images a second that one GPU infers, low and high; modelled."""
    most = GPU_TERAFLOPS[gpu] * 1000.0 / (GFLOP_PER_IMAGE * workload.inference_scale())
    return GPU_UTILIZATION[0] * most, GPU_UTILIZATION[1] * most


def machine_speed(instance: InstanceType, workload: Workload) -> MachineSpeed:
    """What one machine of a type scores in a second.

    With a GPU the stages overlap and the slowest decides: decoding on all vCPUs, inference, the network.
    Without, each vCPU decodes what it scores, one after the other.
    """
    bounds = [_stage_speeds(instance, workload, which) for which in (0, 1)]
    slowest = min(bounds[0], key=lambda stage: bounds[0][stage])
    if instance.gpu is None:
        # The stages share the vCPUs; which takes longer says what to buy more of.
        alone = {stage: bounds[0][stage] for stage in ("decoding", "inference")}
        slowest = min(alone, key=lambda stage: alone[stage])
        cores = [1.0 / (1.0 / bound["decoding"] + 1.0 / bound["inference"]) for bound in bounds]
        speeds = [min(core, bound["network"]) for core, bound in zip(cores, bounds, strict=True)]
        if bounds[0]["network"] <= cores[0]:
            slowest = "network"
    else:
        speeds = [min(bound.values()) for bound in bounds]
    return MachineSpeed(images_per_s=(speeds[0], speeds[1]), bottleneck=slowest)


def _stage_speeds(instance: InstanceType, workload: Workload, which: int) -> dict[str, float]:
    """Images a second of each stage had it the machine to itself; `which`: 0 low, 1 high."""
    share = PIPELINE_SHARE[which]
    decode_s = workload.decode_s()[1 - which]
    if instance.gpu is None:
        inference = instance.num_vcpus * CPU_IMAGES_PER_S[instance.inference][which]
        inference /= workload.inference_scale()
    else:
        inference = instance.num_gpus * gpu_images_per_s(instance.gpu, workload)[which]
    bytes_per_s = instance.network_gbit_per_s[which] * 1e9 / 8.0
    return {
        "decoding": share * instance.num_vcpus / decode_s,
        "inference": share * inference,
        "network": bytes_per_s / max(workload.mean_bytes, 1.0),
    }
