"""Is anything lost when a run is killed? Real runs, SIGKILL at random moments.

    KILLS=50 python tests/benchmarks/bench_kills.py

Every run goes over the files of a finished one. One kill in two falls at any moment of
the run, one in two late, while its results are written. After each kill every result
has to be the old run's or the new one's, whole, and where they are of both the
checkpoint has to be there. Then `--resume`, or where no checkpoint was left the run
anew, has to end in the bytes of a run that nobody killed. Exit code 1 where one of
these was not so. Needs no MNIST; Unix only.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from measure import ROOT, print_header, print_row

KILLS = int(os.environ.get("KILLS", 50))
RESULTS = ("training_log.txt", "metrics.json", "model.npz")  # in the order of writing
CHECKPOINT = "checkpoint.npz"

OLD_RUN = "--dataset sample --train-size 200 --hidden 8 --epochs 2"
# With all that a checkpoint has to hold: velocities, masks, every random stream's state
NEW_RUN = (
    "--dataset sample --train-size 500 --hidden 16 8 --epochs 15 "
    "--momentum 0.5 --dropout 0.2 --l2 1e-4 --augment --focus"
)
LATE_SECONDS = 0.03  # about what writing the results takes after the first of them

OLD = "the old run's results"
NEW = "the new run's results"
BOTH = "results of both runs"
TORN = "a torn result"
SAME = "the same bytes"
OTHER = "other bytes"


def start(out: Path, options: str) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "train_network.py"), f"--output-dir={out}"]
    return subprocess.Popen([*command, *options.split()], stdout=subprocess.DEVNULL)


def finish(out: Path, options: str) -> dict[str, bytes]:
    """The results of a run that nobody kills."""
    code = start(out, options).wait()
    if code != 0:
        sys.exit(f"{options} ends with exit code {code}")
    return results(out)


def results(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in RESULTS}


def start_and_kill(out: Path, is_late: bool, seconds: float) -> None:
    """Start the new run and kill it at any moment of so many seconds, or late."""
    log = out / RESULTS[0]
    before = log.read_bytes()
    process = start(out, NEW_RUN)
    if is_late:
        while process.poll() is None and log.read_bytes() == before:
            pass
        seconds = LATE_SECONDS
    time.sleep(random.uniform(0, seconds))
    process.kill()
    process.wait()


def what_is_left(out: Path, old: dict[str, bytes], new: dict[str, bytes]) -> str:
    left = results(out)
    if left == old:
        return OLD
    if left == new:
        return NEW
    is_whole = all(left[name] in (old[name], new[name]) for name in RESULTS)
    return BOTH if is_whole else TORN


def main() -> int:
    random.seed(0)
    kills: Counter[tuple[str, str, str]] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        old_out = Path(scratch) / "old"
        old = finish(old_out, OLD_RUN)
        begin = time.perf_counter()
        new = finish(Path(scratch) / "new", NEW_RUN)
        seconds = time.perf_counter() - begin

        for number in range(KILLS):
            out = Path(scratch) / f"killed{number}"
            shutil.copytree(old_out, out)
            start_and_kill(out, number % 2 == 1, seconds)
            left = what_is_left(out, old, new)
            has_checkpoint = (out / CHECKPOINT).exists()
            end = finish(out, "--resume" if has_checkpoint else NEW_RUN)
            is_same = end == new and not (out / CHECKPOINT).exists()
            checkpoint = "yes" if has_checkpoint else "no"
            kills[left, checkpoint, SAME if is_same else OTHER] += 1

    title = f"{KILLS} kills of a run of {seconds:.1f} s"
    print_header("left", "a checkpoint", "it ends in", "kills", title=title)
    is_well = True
    for (left, checkpoint, end), n in sorted(kills.items()):
        print_row(left, checkpoint, end, n)
        is_sound = left in (OLD, NEW) or (left == BOTH and checkpoint == "yes")
        is_well = is_well and is_sound and end == SAME
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
