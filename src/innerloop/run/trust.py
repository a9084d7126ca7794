"""What a configuration that comes from a file may run: nothing but what is known to be harmless.

A `_target_` in it may name innerloop's own classes and a few of torch's and Lightning's, and it may
ask no resolver that reaches the environment. What is also in the composed configuration, or in the
config folders on `hydra.searchpath`, is the user's own and may be named too.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.grammar.gen.OmegaConfGrammarParser import OmegaConfGrammarParser
from omegaconf.grammar_parser import parse

from innerloop.errors import UserError, visible

NAMED = {
    "datetime.timedelta",
    "lightning.pytorch.strategies.DDPStrategy",
    "lightning.pytorch.loggers.TensorBoardLogger",
}
# Classes that these packages define, and, where one is named, that are of this kind.
PACKAGES = {
    "innerloop.data": None,
    "innerloop.models": "torch.nn.Module",
    "innerloop.layers": "torch.nn.Module",
    "innerloop.algorithms": "torch.nn.Module",
    "innerloop.objectives": None,
    "innerloop.callbacks": None,
    "torch.nn": "torch.nn.Module",
    "torch.optim.lr_scheduler": "torch.optim.lr_scheduler.LRScheduler",
    "torch.optim": "torch.optim.Optimizer",
}
RESOLVERS = {"published", "largest"}  #: that may be asked, beside plain references to other keys
TARGET = "_target_"
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def check(content: Any, origin: str, trust: bool, here: DictConfig | None = None) -> list[str]:
    """Refuses a stored configuration that would run more than it may.

    Arguments:
        content: plain values, interpolations unresolved.
        origin: the file that they come from.
        trust: lets everything pass.
        here: the composed configuration, whose targets are the user's own.

    Returns:
        lines that say what `trust` has let pass.

    Raises:
        UserError: for the first thing it may not name.
    """
    asked = dict(_foreign(content, ""))
    if asked and here is not None:
        own = _own(here)
        asked = {key: value for key, value in asked.items() if value not in own}
    named = [f"{visible(key)}={visible(value)}" for key, value in asked.items()]
    if named and not trust:
        raise UserError(
            f"{visible(origin)}: {named[0][:200]} is nothing that a configuration from a file may "
            "run or read, so nothing of it was used. If you trust it, add trust=true."
        )
    return [f"trust=true: {visible(origin)} may run or read {', '.join(named)}"] if named else []


def _foreign(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Keys and values of what is not allowed, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            place = f"{key}.{name}" if key else str(name)
            if name == TARGET:
                if not allowed(inner):
                    yield place, str(inner)
            else:
                yield from _foreign(inner, place)
            if isinstance(name, str) and "$" in name:
                yield place, name
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _foreign(inner, f"{key}[{number}]")
    elif isinstance(value, str) and "${" in value and not _plain(value):
        yield key, value


def allowed(target: Any) -> bool:
    """Whether a `_target_` names a class that a configuration from a file may make."""
    if not isinstance(target, str) or not DOTTED.fullmatch(target):
        return False
    if target in NAMED:
        return True
    for package, kind in PACKAGES.items():
        if target.startswith(f"{package}."):
            return _is_class(target, package, kind)
    return False


def _is_class(target: str, package: str, kind: str | None) -> bool:
    """Whether a dotted name is that of a class where the package defines it, not of an alias."""
    module, _, name = target.rpartition(".")
    try:
        home = _module(module)
    except Exception:  # of an import
        return False
    value = getattr(home, name, None)
    if not isinstance(value, type) or not f"{value.__module__}.".startswith(f"{package}."):
        return False
    return kind is None or issubclass(value, _kind(kind))


def _module(name: str) -> ModuleType:
    """A module by its own name, found as Hydra finds it: `a.b` is the attribute b of a.

    Raises:
        TypeError: if an attribute on the way is no module, or a module of another name.
    """
    root, *parts = name.split(".")
    module, place = import_module(root), root
    for part in parts:
        place = f"{place}.{part}"
        module = getattr(module, part, None) or import_module(place)
        if not isinstance(module, ModuleType) or module.__name__ != place:
            raise TypeError(place)
    return module


def _kind(name: str) -> type:
    module, _, attribute = name.rpartition(".")
    kind: type = getattr(import_module(module), attribute)
    return kind


def _plain(text: str) -> bool:
    """Whether a text only refers to other keys, or asks resolvers that may be asked.

    An escaped interpolation would be one to whoever reads the text a second time.
    """
    if "\\$" in text:
        return False
    try:
        return all(name in RESOLVERS for name in _resolvers(parse(text)))
    except Exception:  # of the grammar
        return False


def _resolvers(tree: Any) -> Iterator[str]:
    if isinstance(tree, OmegaConfGrammarParser.InterpolationResolverContext):
        yield tree.resolverName().getText()
    for child in getattr(tree, "children", None) or ():
        yield from _resolvers(child)


def _own(here: DictConfig) -> set[str]:
    """Targets and interpolations of the composed configuration and of the config folders."""
    texts = set(_texts(OmegaConf.to_container(here)))
    sources = HydraConfig.get().runtime.config_sources if HydraConfig.initialized() else ()
    for source in sources:
        if source.schema not in ("file", "pkg") or source.provider == "hydra":
            continue
        name = source.path
        place = files(name.replace("/", ".")) if source.schema == "pkg" else name
        for file in Path(str(place)).rglob("*.yaml"):
            texts |= set(_texts(yaml.safe_load(file.read_text()), targets=True))
    return texts


def _texts(value: Any, targets: bool = False) -> Iterator[str]:
    """All targets, and all texts with an interpolation unless only targets are wanted."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == TARGET and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner, targets)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, targets)
    elif isinstance(value, str) and "${" in value and not targets:
        yield value
