"""A Parquet file in memory is read as it was written, by nobody but the reader."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.files.parquet import read_parquet

# Counts the threads of the process before and after, as the system sees them.
COUNT_THREADS = """
import os, sys
from pathlib import Path
from blanktrap.files.parquet import read_parquet

data = Path(sys.argv[1]).read_bytes()
before = len(os.listdir("/proc/self/task"))
read_parquet(data)
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    table = pa.table({name: pa.array(range(5000)) for name in "abcdef"})
    pq.write_table(table, tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def test_rows_come_back_as_they_were_written(file: Path) -> None:
    assert read_parquet(file.read_bytes()) == pq.read_table(file)
    assert read_parquet(file.read_bytes(), ["b", "not there"]) == pq.read_table(file, columns=["b"])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_no_thread_of_arrow_is_left_that_could_end_the_program_badly(file: Path) -> None:
    done = subprocess.run([sys.executable, "-c", COUNT_THREADS, str(file)], capture_output=True, text=True)
    assert done.stdout.strip() == "0", done.stderr
