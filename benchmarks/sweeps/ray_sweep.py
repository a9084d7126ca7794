"""24 members on 4 GPUs with Ray: one fails, one is killed, then the driver; the sweep is resumed.

    python benchmarks/sweeps/ray_sweep.py FOLDER

The GPUs are only numbers that Ray counts; a member sees its number in CUDA_VISIBLE_DEVICES.
"""

import sys
import time
from pathlib import Path

import common

MEMBERS = (
    "seed=range(24)", "outer.steps=30", "+callbacks.probe.pause=0.1",
    "+callbacks.probe.raises=[5]", "+callbacks.probe.killed=[11]", "hydra/launcher=ray",
    "hydra.launcher.ray.init.num_gpus=4", "hydra.launcher.ray.init.num_cpus=4",
)  # fmt: skip


def main(sweep: Path) -> None:
    began = time.perf_counter()
    driver = common.start(sweep, *MEMBERS)
    while len(common.done(sweep)) < 9 or not half_done(sweep):
        assert driver.poll() is None, sweep.with_suffix(".log")
        time.sleep(0.05)
    driver.kill()
    driver.wait()
    first = {"done": len(common.done(sweep)), "status": driver.returncode}
    status = common.start(sweep, *MEMBERS, "sweep.resume=true").wait()
    common.write("sweep_ray", {
        "command": "python benchmarks/sweeps/ray_sweep.py FOLDER",
        "members": 24,
        "when_the_driver_was_killed": first,
        "after_one_more_call": {"status": status, **common.account(sweep)},
        "seconds": round(time.perf_counter() - began, 1),
    })  # fmt: skip


def half_done(sweep: Path) -> bool:
    """Whether some member has a checkpoint and is not finished."""
    begun = {file.parents[1].name for file in sweep.glob("*/checkpoints/last.ckpt")}
    return bool(begun - set(common.done(sweep)) - set(common.trained(sweep)))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
