"""Time and peak memory of a second-order step against tasks per batch, inner steps and shots."""

import json

from benchmarks.memory import measure_apart

FIXED = (
    "model=conv4_strided", "dataset.examples=40", "outer.tasks=4", "engine.chunk=4", "threads=1",
)  # fmt: skip
AXES = {
    "outer.tasks": (1, 4, 16, 64, 256),
    "inner.steps": (1, 2, 5, 10, 20),
    "episode.shots": (1, 2, 5, 10, 20),
}
CONTENDERS = {  # a module of `benchmarks.peers`, and overrides
    "engine": ("engine",),
    "checkpointed": ("engine", "engine.checkpoint=true"),
    "learn2learn": ("learn2learn",),
}


def main() -> None:
    curves = {
        axis: {who: [point(who, axis, x) for x in places] for who in CONTENDERS}
        for axis, places in AXES.items()
    }
    title = (
        "MAML, strided Conv4-64, 28x28, 5-way, 1 query, up to 4 tasks side by side; where not "
        "varied 1 shot, 1 step, 4 tasks"
    )
    print(json.dumps({"title": title, "threads": 1, "curves": curves}))


def point(who: str, axis: str, place: int) -> dict[str, float]:
    """One measurement, in its own process."""
    contender, *overrides = CONTENDERS[who]
    figures = measure_apart(contender, "omniglot", *FIXED, *overrides, f"{axis}={place}")
    return {"at": place, **figures}


if __name__ == "__main__":
    main()
