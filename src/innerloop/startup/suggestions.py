"""Messages for keys that do not exist, with the keys that were probably meant.

Imports nothing heavy: it explains mistakes at the command line.
"""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from innerloop.startup import keywords

SPECIAL = {  #: keys that have a message of their own
    "ckpt_path": "ckpt_path= is not a key of train.py, which starts from no checkpoint: resume=RUN "
    "resumes a run, and python src/evaluate.py ckpt_path=RUN tests one.",
    "evaluation.true": 'YAML reads the bare word on as true: write evaluation: {"on": [glyphs]}.',
    **keywords.lines(),
    **{f"trainer.{name}": f"Add it with a plus: +trainer.{name}=" for name in keywords.ADDED},
}


def unknown_key(key: str, known: Collection[str]) -> str:
    """The message for a dotted key that is not in the configuration.

    Arguments:
        known: the dotted keys of the configuration.
    """
    if key in SPECIAL:
        return SPECIAL[key]
    section = key.rpartition(".")[0]
    if section and section not in known:
        return unknown_key(section, known)
    siblings = [k for k in known if k.rpartition(".")[0] == section]
    close = [k for k in (similar(key, siblings), *_same_end(key, known)) if k]
    if close:
        return f"{key} is not a key of the configuration: did you mean {' or '.join(close)}?"
    inside = listed(k.rpartition(".")[2] for k in siblings) or "no keys"
    return f"{key} is not a key of the configuration: {section or 'at its top it'} has {inside}."


def similar(word: str, known: Collection[str]) -> str:
    """The known word that is most like `word`; empty if none is similar."""
    return next(iter(get_close_matches(word, known, 1, 0.65)), "")


def _same_end(key: str, known: Collection[str]) -> list[str]:
    """At most three keys with the same last part, such as `outer.steps` for `steps`."""
    return [k for k in known if k != key and k.rpartition(".")[2] == key.rpartition(".")[2]][:3]


def listed(words: Iterable[str]) -> str:
    """The words in alphabetical order, without Hydra's own, such as `_target_`."""
    return ", ".join(sorted(word for word in words if not word.startswith("_")))


def dotted(content: object, prefix: str = "") -> list[str]:
    """The dotted names of all keys of nested dictionaries, including the sections."""
    if not isinstance(content, dict):
        return []
    names = {f"{prefix}{key}": value for key, value in content.items()}
    return [n for name, value in names.items() for n in (name, *dotted(value, f"{name}."))]
