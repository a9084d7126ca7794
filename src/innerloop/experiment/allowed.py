"""The classes that a configuration from a file may build, because they are known to be harmless."""

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

from hydra.core.hydra_config import HydraConfig

NAMED = {
    "datetime.timedelta",
    "lightning.pytorch.strategies.DDPStrategy",
    "lightning.pytorch.loggers.TensorBoardLogger",
}
# Packages whose classes are allowed, and the class from which these must inherit, if any.
PACKAGES = {
    "innerloop.data": None,
    "innerloop.environments": None,
    "innerloop.models": "torch.nn.Module",
    "innerloop.layers": "torch.nn.Module",
    "innerloop.algorithms": "torch.nn.Module",
    "innerloop.objectives": None,
    "innerloop.callbacks": None,
    "torch.nn": "torch.nn.Module",
    "torch.optim.lr_scheduler": "torch.optim.lr_scheduler.LRScheduler",
    "torch.optim": "torch.optim.Optimizer",
}
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def is_allowed(target: object) -> bool:
    """Whether a configuration from a file may build what this `_target_` names."""
    if not isinstance(target, str) or not DOTTED.fullmatch(target):
        return False
    if target in NAMED or target.split(".")[0] in _users_packages():
        return True
    for package, kind in PACKAGES.items():
        if target.startswith(f"{package}."):
            return _defines(target, package, kind)
    return False


def _users_packages() -> set[str]:
    """The packages whose configuration this command's `hydra.searchpath` names."""
    if not HydraConfig.initialized():
        return set()
    sources = HydraConfig.get().runtime.config_sources
    typed = [s for s in sources if s.provider.startswith("hydra.searchpath")]
    packages = {s.path.split(".")[0] for s in typed if s.schema == "pkg"}
    for folder in (Path(s.path).resolve().parent for s in typed if s.schema == "file"):
        inside = [folder] if (folder / "__init__.py").exists() else folder.iterdir()
        packages |= {path.name for path in inside if (path / "__init__.py").exists()}
    return packages


def _defines(target: str, package: str, kind: str | None) -> bool:
    """Whether a dotted name is that of a class which the package defines; aliases do not count.

    Arguments:
        kind: the dotted name of a class from which it must inherit; None for any class.
    """
    module, _, name = target.rpartition(".")
    try:
        home = _module(module)
    except Exception:  # an import may raise anything
        return False
    value = getattr(home, name, None)
    if not isinstance(value, type) or not f"{value.__module__}.".startswith(f"{package}."):
        return False
    return kind is None or issubclass(value, _class(kind))


def _module(name: str) -> ModuleType:
    """The module of a dotted name, as Hydra finds it: `a.b` is the attribute b of a.

    Raises:
        TypeError: if an attribute on the way is not a module, or is a module of another name.
    """
    root, *parts = name.split(".")
    module, place = import_module(root), root
    for part in parts:
        place = f"{place}.{part}"
        module = getattr(module, part, None) or import_module(place)
        if not isinstance(module, ModuleType) or module.__name__ != place:
            raise TypeError(place)
    return module


def _class(name: str) -> type:
    module, _, attribute = name.rpartition(".")
    kind: type = getattr(import_module(module), attribute)
    return kind
