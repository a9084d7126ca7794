"""`python -m benchmarks.gpu --part PART`, on a machine that has a GPU.

    bench      MAML against learn2learn, the time of 60,000 outer steps, the GPU's share of it
    ways       the ways that the engine may choose among, and the precision of each
    memory     peak memory of 1 to 20 inner steps, unrolled and in mixed mode
    peers      higher and TorchOpt beside learn2learn
    jax        a Conv4 MAML in JAX, as an outside limit
    functorch  the workload of functorch's example, whose time was published
    kernels    which kernels take the time
    curves     over tasks, inner steps, ways and the size of images

`--rehearse` runs a part on the CPU with a small network and writes no results.
"""

import argparse
import importlib
import json
from pathlib import Path

from benchmarks import report
from benchmarks.machine import describe

PARTS = ("bench", "ways", "memory", "peers", "jax", "functorch", "kernels", "curves")
OUT = Path(__file__).parents[1] / "results"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=PARTS, default="bench")
    parser.add_argument("--rehearse", action="store_true")
    given = parser.parse_args()
    device = "cpu" if given.rehearse else "cuda"
    part = importlib.import_module(f"benchmarks.gpu.{given.part}")
    figures = part.measure(device) | {"machine": describe()}
    print(json.dumps(figures, indent=2))
    if not given.rehearse:
        file = OUT / ("gpu.json" if given.part == "bench" else f"gpu_{given.part}.json")
        file.write_text(json.dumps(figures, indent=2) + "\n")
        report.write(OUT)


if __name__ == "__main__":
    main()
