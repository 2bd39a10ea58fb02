"""What augmentation costs beside the network: `python benchmarks/augment_throughput.py`.

For each input size, on one thread (or a GPU with --device cuda): images/s of a training step of ResNet34
(forward, backward, optimizer), images/s of augmentation at its usual chances, and what that is of a step;
then what each circumstance costs an image that it befalls. Pictures are smooth, a third grey.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from blanktrap.core.config import AugmentConfig
from blanktrap.vision.augmentation import Augmenter
from blanktrap.vision.network import build_network
from blanktrap.vision.scorer import choose_dtype


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["128x96", "500x375"], help="inputs, width x height")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--seconds", type=float, default=8.0, help="at least so long for each figure")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    print(f"{device.type}, {arguments.threads} threads, batches of {arguments.batch_size}")
    for size in arguments.sizes:
        width_px, height_px = (int(side) for side in size.split("x"))
        pixels = pictures(arguments.batch_size, height_px, width_px)
        measure(size, pixels, device, arguments.seconds)


def pictures(num_media: int, height_px: int, width_px: int) -> torch.Tensor:
    chance = torch.Generator().manual_seed(0)
    coarse = torch.rand(num_media, 3, 12, 16, generator=chance) * 200 + 25
    smooth = nn.functional.interpolate(coarse, (height_px, width_px), mode="bilinear")
    pixels = smooth.to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    pixels[::3] = pixels[::3, :, :, :1]
    return pixels


def measure(size: str, pixels: torch.Tensor, device: torch.device, seconds: float) -> None:
    """Print the figures of one input size."""
    num_media = len(pixels)
    step = training_step(pixels, device)
    usual = Augmenter(AugmentConfig())
    chance = torch.Generator().manual_seed(1)
    # In turns, so that what else the machine does slows both.
    step_s, augment_s = 0.0, 0.0
    for _ in range(3):
        step_s += seconds_of(step, device, seconds / 3) / 3
        augment_s += seconds_of(lambda: usual(pixels, device, chance), device, seconds / 3) / 3
    off_s = seconds_of(lambda: Augmenter(AugmentConfig.off())(pixels, device, chance), device, seconds / 3)
    print(
        f"\n{size}: training step {num_media / step_s:,.1f} images/s, augmentation "
        f"{num_media / augment_s:,.1f} images/s: {100 * augment_s / step_s:.1f} % of a step "
        f"(all off: {100 * off_s / step_s:.1f} %)"
    )
    for name, share in AugmentConfig().chances().items():
        always = Augmenter(AugmentConfig.off().model_copy(update={name: 1.0}))
        one_s = seconds_of(partial(always, pixels, device, chance), device, seconds / 8)
        own_ms = 1000 * (one_s - off_s) / num_media
        print(f"  {name:12s} {own_ms:7.2f} ms an image, {own_ms * share:6.3f} ms at chance {share:g}")


def training_step(pixels: torch.Tensor, device: torch.device) -> Callable[[], None]:
    network = build_network("none").to(device).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    dtype = choose_dtype(device, "auto")
    images = pixels.to(device).permute(0, 3, 1, 2).float().div_(255.0)
    images = images.contiguous(memory_format=torch.channels_last)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype, enabled=dtype is not torch.float32):
            loss = network(images).float().pow(2).mean()
        loss.backward()
        optimizer.step()

    return step


def seconds_of(work: Callable[[], object], device: torch.device, at_least_s: float) -> float:
    """Mean seconds of a call, after one that does not count."""
    work()
    wait(device)
    num_calls, started = 0, time.perf_counter()
    while time.perf_counter() - started < at_least_s or num_calls < 2:
        work()
        wait(device)
        num_calls += 1
    return (time.perf_counter() - started) / num_calls


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
