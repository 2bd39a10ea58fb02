"""Reading of annotation sets that need a join: `python benchmarks/read_annotations.py`.

Draws Snapshot Serengeti's pair and a Camtrap DP package whose observations are events, in two sizes each,
reads each in a process of its own, and prints seconds, rows a second and the process's peak memory. It shows
that memory does not follow the number of rows. Two cores take about three minutes.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from blanktrap.files.annotations import stage_annotations
from blanktrap.files.annotations.formats import ReadOptions
from blanktrap.files.storage import Storage

START = datetime(2011, 1, 1)


def draw_serengeti(folder: Path, num_images: int) -> None:
    """Captures of two and three frames, one annotation each."""
    with (folder / "images.csv").open("w") as images, (folder / "annotations.csv").open("w") as labels:
        images.write(",capture_id,image_rank_in_capture,image_path_rel\n")
        labels.write(
            ",capture_id,season,site,roll,capture,capture_date_local,capture_time_local,question__species,"
            "p_users_identified_this_species,pielous_evenness_index\n"
        )
        for capture in range(num_images * 2 // 5):
            season, site, roll = f"S{capture % 11 + 1}", f"K{capture % 90 + 10}", capture % 7 + 1
            capture_id = f"SER_{season}#{site}#{roll}#{capture}"
            for rank in range(1, 3 + capture % 2):
                path = f"{season}/{site}/{site}_R{roll}/{season}_{site}_R{roll}_{capture}_{rank}.JPG"
                images.write(f"0,{capture_id},{rank},{path}\n")
            species = "zebra" if capture % 4 == 0 else "blank"
            day = f"{START + timedelta(seconds=60 * capture):%Y-%m-%d,%H:%M:%S}"
            labels.write(f"0,{capture_id},{season},{site},{roll},{capture},{day},{species},1.0,0.0\n")


def draw_camtrap_dp(folder: Path, num_images: int) -> None:
    """Five deployments, a media every ten seconds, an event for every ten of them."""
    resources = [{"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")]
    profile = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2/camtrap-dp-profile.json"
    (folder / "datapackage.json").write_text(json.dumps({"profile": profile, "resources": resources}))
    places = "".join(f"D{number},L{number},1,2\n" for number in range(5))
    (folder / "deployments.csv").write_text("deploymentID,locationID,latitude,longitude\n" + places)
    with (folder / "media.csv").open("w") as media, (folder / "observations.csv").open("w") as seen:
        media.write("mediaID,deploymentID,timestamp,filePath\n")
        seen.write(
            "deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,scientificName\n"
        )
        for image in range(num_images):
            where, taken = f"D{image % 5}", START + timedelta(seconds=10 * (image // 5))
            media.write(f"m{image},{where},{taken:%Y-%m-%dT%H:%M:%S}Z,{where}/{image}.JPG\n")
            if image // 5 % 10 == 0:
                ends = f"{taken:%Y-%m-%dT%H:%M:%S}Z,{taken + timedelta(seconds=95):%Y-%m-%dT%H:%M:%S}Z"
                seen.write(f"{where},,e{image},{ends},event,animal,Vulpes vulpes\n")


DRAW = {"Snapshot Serengeti": draw_serengeti, "Camtrap DP": draw_camtrap_dp}


def read(folder: Path, num_images: int) -> None:
    """Read one set and print its figures."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as staged:
        stage_annotations(Storage(), [str(folder)], Path(staged), ReadOptions())
    took_s = time.monotonic() - started
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{num_images:>10,} images {took_s:6.1f} s {num_images / took_s:8,.0f} images/s {peak_mib:6,.0f} MiB"
    )


def main() -> None:
    """Draw and read every set in every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-images", type=int, nargs="+", default=[250_000, 1_000_000])
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read is not None:
        read(arguments.read, arguments.num_images[0])
        return
    for name, draw in DRAW.items():
        print(name, flush=True)
        for num_images in arguments.num_images:
            with tempfile.TemporaryDirectory() as folder:
                draw(Path(folder), num_images)
                command = [sys.executable, __file__, "--read", folder, "--num-images", str(num_images)]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
