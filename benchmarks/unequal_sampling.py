"""The number of tasks of unequal size that one core draws from Omniglot in a second of its time.

The tasks have their images. Omniglot is read from `INNERLOOP_DATA`; without it, noise is used.
"""

import json
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks import machine
from benchmarks.sampling import drawings
from innerloop.data.sets.omniglot import Omniglot
from innerloop.tasks import Episode, Range

BATCH, BATCHES, ROUNDS = 64, 100, 3
RESULTS = Path(__file__).parent / "results" / "unequal_sampling.json"
EPISODES = {
    "5-20-way 1-10-shot, 5 queries of each class": Episode(Range(5, 20), Range(1, 10), 5),
    "5-20-way 1-5-shot, each class its own shots, 1 query": Episode(
        Range(5, 20), Range(1, 5), 1, "uniform"
    ),
    "5-way 1-5-shot, 1-5 queries": Episode(5, Range(1, 5), Range(1, 5)),
}


def tasks_a_second(source: Omniglot, episode: Episode) -> float:
    """By the processor's time, of the fastest round."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for first in range(0, BATCH * BATCHES, BATCH):
            source.tasks("train", np.arange(first, first + BATCH), episode, 0)
        rounds.append(BATCH * BATCHES / (time.process_time() - start))
    return round(max(rounds))


def main() -> None:
    torch.set_num_threads(1)
    with drawings() as folder:
        source = Omniglot(str(folder))
        source.prepare()
        rates = {name: tasks_a_second(source, episode) for name, episode in EPISODES.items()}
    content = {"tasks_a_second": rates, "at_least": 5000, "machine": machine.describe()}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")
    print(json.dumps(rates, indent=2))


if __name__ == "__main__":
    main()
