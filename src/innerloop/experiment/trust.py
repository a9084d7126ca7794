"""A configuration from a file may run only code that is known to be harmless.

Its `_target_` may name classes of innerloop and some of torch and Lightning, see `allowed`, and it
may not call resolvers that read the environment. Targets and interpolations of the user's own
configuration, see `own_texts`, are allowed as well.
"""

from collections.abc import Iterator

from omegaconf import DictConfig
from omegaconf.grammar.gen.OmegaConfGrammarParser import OmegaConfGrammarParser
from omegaconf.grammar_parser import parse

from innerloop.errors import UserError, visible
from innerloop.experiment.allowed import is_allowed
from innerloop.experiment.own_texts import TARGET, own_texts

RESOLVERS = {
    "published",
    "largest",
    "tenth",
    "test_tasks",
    "oc.select",
}  #: resolvers that are allowed


def check(content: object, origin: str, trust: bool, here: DictConfig | None = None) -> list[str]:
    """Refuses a configuration from a file that would run other code.

    Arguments:
        content: plain values, before interpolation.
        origin: the file that they come from.
        trust: whether everything is allowed.
        here: the composed configuration of the user; None if there is none.

    Returns:
        lines that say what was allowed only because of `trust`.

    Raises:
        UserError: for the first target or interpolation that is not allowed.
    """
    foreign = dict(_foreign(content, ""))
    if foreign and here is not None:
        own = own_texts(here)
        foreign = {key: text for key, text in foreign.items() if text not in own}
    named = [f"{visible(key)}={visible(text)}" for key, text in foreign.items()]
    if named and not trust:
        raise UserError(
            f"{visible(origin)}: {named[0][:200]} is not allowed in a configuration from a "
            "file, so none of it was used. If you trust the file, add trust=true."
        )
    return [f"trust=true: {visible(origin)} may run or read {', '.join(named)}"] if named else []


def _foreign(value: object, key: str) -> Iterator[tuple[str, str]]:
    """Keys and texts that are not allowed, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            place = f"{key}.{name}" if key else str(name)
            if name == TARGET:
                if not is_allowed(inner):
                    yield place, str(inner)
            else:
                yield from _foreign(inner, place)
            if isinstance(name, str) and "$" in name:
                yield place, name
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _foreign(inner, f"{key}[{number}]")
    elif isinstance(value, str) and "${" in value and not _is_harmless(value):
        yield key, value


def _is_harmless(text: str) -> bool:
    """Whether a text refers only to other keys and calls only allowed resolvers.

    An escaped interpolation is not harmless: it would be one if the text were read a second time.
    """
    if "\\$" in text:
        return False
    try:
        return all(name in RESOLVERS for name in _resolvers(parse(text)))
    except Exception:  # not a text of the grammar
        return False


def _resolvers(tree: object) -> Iterator[str]:
    """Names of the resolvers in a parsed text."""
    if isinstance(tree, OmegaConfGrammarParser.InterpolationResolverContext):
        yield tree.resolverName().getText()
    for child in getattr(tree, "children", None) or ():
        yield from _resolvers(child)
