"""Plain values: what YAML files, JSON files and checkpoints hold."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

PlainDict = dict[str, Any]  #: texts, numbers, lists and further dictionaries, by key
Checkpoint = dict[str, Any]  #: `state_dict`, the run's record `innerloop`, and Lightning's own keys


def plain_dict(config: DictConfig, resolve: bool = True) -> PlainDict:
    """The values of a configuration as a dictionary.

    Arguments:
        resolve: whether references such as `${outer.steps}` are replaced by their values.
    """
    content: PlainDict = OmegaConf.to_container(config, resolve=resolve)  # type: ignore[assignment]
    return content
