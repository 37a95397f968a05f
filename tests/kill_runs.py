"""Kill runs at random moments over an older run's files, and see that nothing is lost.

    python tests/kill_runs.py --kills 50

Each kill is a SIGKILL. After it, each of training_log.txt, metrics.json and model.npz must be one
run's, whole; where they are of two runs the checkpoint must still be there; and `--resume`, or the
run begun anew where no epoch was done, must end with the bytes of an uninterrupted run. The runs
have momentum, dropout, two hidden layers, deformed copies, focus and a falling rate. The test suite
does the same with fewer kills.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from made_data import write_dataset  # noqa: E402

FILES = ("training_log.txt", "metrics.json", "model.npz")
SETTINGS = "--train-size all --test-size all --learning-rate 0.1 --epochs 12 --hidden 8 6"
SETTINGS += " --momentum 0.5 --dropout 0.2 --augment --focus --final-learning-rate 0.02"


def start(*options: object) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "train_network.py"), *map(str, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> float:
    """Wait for a run, which must end well; how many seconds that took."""
    begin = time.perf_counter()
    process.communicate(timeout=120)
    assert process.returncode == 0, process.args
    return time.perf_counter() - begin


def contents(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in FILES}


def kill_runs(directory: Path, kills: int, seed: int = 0) -> Counter[str]:
    """Do it in this directory; what was found after the kills, and how often."""
    rng, found = random.Random(seed), Counter()
    data = write_dataset(directory / "data")
    options = {run: [*SETTINGS.split(), "--data-dir", data, "--seed", run] for run in ("1", "2")}
    finish(start(*options["1"], "--output-dir", directory / "old"))
    seconds = finish(start(*options["2"], "--output-dir", directory / "new"))
    old, new = contents(directory / "old"), contents(directory / "new")
    assert not any(old[name] == new[name] for name in FILES)

    for kill in range(kills):
        out = shutil.copytree(directory / "old", directory / f"killed{kill}")
        process = start(*options["2"], "--output-dir", out)
        log, written = out / FILES[0], (out / FILES[0]).stat().st_mtime_ns
        if kill % 3 == 0:  # at any moment
            time.sleep(rng.uniform(0, seconds))
        elif kill % 3 == 1:  # in training
            while process.poll() is None and not process.stdout.readline().startswith("Epoch"):
                pass
            time.sleep(rng.uniform(0, seconds / 4))
        else:  # while the files are written
            while process.poll() is None and log.stat().st_mtime_ns == written:
                pass
            time.sleep(rng.uniform(0, 0.01))
        process.kill()
        process.communicate()

        now, unfinished = contents(out), (out / "checkpoint.npz").exists()
        assert all(now[name] in (old[name], new[name]) for name in FILES), f"kill {kill}: torn"
        state = "old" if now == old else "new" if now == new else "of two runs"
        assert unfinished or state != "of two runs", (
            f"kill {kill}: files of two runs, no checkpoint"
        )
        found[f"files {state}, {'a' if unfinished else 'no'} checkpoint"] += 1
        if unfinished:
            finish(start("--resume", "--data-dir", data, "--output-dir", out))
        elif state == "old":
            finish(start(*options["2"], "--output-dir", out))
        assert contents(out) == new, f"kill {kill}: not the bytes of an uninterrupted run"
        assert not (out / "checkpoint.npz").exists()
        shutil.rmtree(out)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for what, times in kill_runs(Path(name), arguments.kills, arguments.seed).most_common():
            print(f"{times:3} times: {what}")
