"""The engine and the trainer: how, and on which devices, a run is computed."""

from typing import Annotated, Literal

from pydantic import Field

from innerloop.experiment.values import (
    Count,
    Flag,
    Natural,
    OptionalCount,
    OptionalFlag,
    Section,
    Target,
)

STRATEGY = (
    "auto or ddp, or the {_target_: ...} of a strategy. The results of processes that are forked "
    "or spawned would be lost, so use ddp for several devices"
)
PRECISION = (
    "32-true, bf16-mixed or 64-true. Meta-gradients do not pass through the scaling of losses that "
    "16-mixed needs, so use bf16-mixed for speed"
)


class Engine(Section):
    """How the tasks of a batch are computed."""

    name: Annotated[
        Literal["auto", "vmap", "loop", "learn2learn"],
        Field(description="a choice: engine=auto, vmap, loop or learn2learn"),
    ]
    chunk: OptionalCount
    compile: Annotated[
        bool | Literal["steps"] | None,
        Field(description="true, false, steps or null"),
    ]
    checkpoint: Annotated[
        bool | Literal["mixed"],
        Field(description="true, false or mixed"),
    ] = False
    capture: OptionalFlag = None


class Trainer(Section):
    """Keywords of Lightning's trainer; for further ones see `innerloop.startup.keywords`."""

    accelerator: Annotated[
        Literal["auto", "cpu", "gpu", "cuda", "mps"],
        Field(description="auto, cpu, gpu or mps (trainer=auto, cpu, gpu, mps)"),
    ]
    devices: Annotated[
        Annotated[int, Field(ge=1, le=1024)]
        | Annotated[list[Natural], Field(min_length=1)]
        | Annotated[str, Field(pattern=r"^(auto|\d+(,\d+)*)$")],
        Field(description="a number of devices, a list of them such as [0, 2], or auto"),
    ]
    strategy: Annotated[
        Literal["auto", "ddp"] | Target,
        Field(description=STRATEGY),
    ]
    num_nodes: Count
    precision: Annotated[
        Literal["32-true", "bf16-mixed", "64-true"],
        Field(description=PRECISION),
    ]
    matmul: Annotated[
        Literal["ieee", "tf32", "bf16"],
        Field(description="ieee, tf32 or bf16"),
    ] = "ieee"
    deterministic: Annotated[
        bool | Literal["warn"] | None, Field(description="true, false or warn")
    ]
    benchmark: OptionalFlag = None
    detect_anomaly: Flag = False
    enable_model_summary: Flag = False
    enable_progress_bar: Flag = True
    profiler: Annotated[
        Literal["simple", "advanced", "pytorch"] | Target | None,
        Field(description="simple, advanced or pytorch"),
    ] = None
