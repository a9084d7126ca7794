"""innerloop beside a Conv4 MAML in JAX, whose outer step is one jitted function, Adam included."""

from typing import Any

from benchmarks.gpu.problems import milliseconds, problem
from benchmarks.peers import engine, jax_conv4


def measure(device: str) -> dict[str, Any]:
    """Milliseconds of an outer step of both image workloads."""
    steps = {}
    for name in ("omniglot", "miniimagenet"):
        workload = problem(name, device)
        contenders = {
            "innerloop": engine.contender(workload), "jax": jax_conv4.contender(workload)
        }  # fmt: skip
        steps[name] = milliseconds(contenders, device)
    return {"ms": steps, "device": device}
