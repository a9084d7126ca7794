"""Packs that are larger than memory: neither packing them nor drawing tasks loads the array."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from innerloop.data.packs import pack

CHILD = """
import resource, sys
from pathlib import Path
import numpy as np
import torch
from innerloop.data.images import ImageClasses
from innerloop.tasks import Episode, Range
from data.numbered import Numbered

SIDE, EACH, CLASSES, HEADROOM = 64, 512, 24, 48 * 2**20  # 144 MiB of images

def images(number, part):
    random = np.random.default_rng([number, part])
    pixels = random.integers(0, 256, (EACH // 2, SIDE, SIDE, 3), np.uint8)
    pixels[:, 0, 0, 0] = number
    return pixels

class Large(ImageClasses):
    recipe = {"made": "by the test"}

    def read(self):
        return {"train": ((f"class{n}", images(n, p)) for n in range(CLASSES) for p in (0, 1))}

torch.set_num_threads(1)  # each further thread would need memory of its own
Numbered(Path(sys.argv[1]) / "small", [9] * 8).tasks("train", np.arange(9), Episode(2, 1, 1), 0)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
used = int(status["VmData"].split()[0]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + HEADROOM, used + HEADROOM))
try:
    np.ones(2 * HEADROOM, np.uint8)
    sys.exit("the limit does not hold")
except MemoryError:
    pass

source = Large("large", Path(sys.argv[1]) / "large")
assert source.pack.images("train").nbytes == 3 * HEADROOM
for episode in (Episode(5, 1, 5), Episode(Range(2, 5), Range(1, 5), 5, "uniform")):
    for start in range(0, 200, 2):
        indices = np.arange(start, start + 2)
        tasks = source.tasks("train", indices, episode, 0)
        classes = source.classes("train", indices, episode, 0)
        inputs = tasks.query.inputs[0] if episode.varies else tasks.query.inputs
        real = tasks.query.targets >= 0
        labels = np.take_along_axis(classes, tasks.query.targets.clamp(min=0).numpy(), 1)
        assert (inputs[:, :, 0, 0, 0].numpy() == labels)[real.numpy()].all()
source.batches("train", np.arange(20), 16, 0)
source.pack.folder.joinpath("train.u8").touch()  # so that its checksum is compared
Large("large", source.folder).pack.images("train")
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads what Linux says of memory"
)
def test_packing_and_drawing_need_a_small_part_of_the_arrays_memory(tmp_path: Path) -> None:
    paths = [Path(pack.__file__).parents[3], Path(__file__).parents[2]]
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
