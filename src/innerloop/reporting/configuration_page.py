"""The page of every key of the configuration, made from `conf/` and its comments."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from innerloop.machine.foreign import read_text
from innerloop.reporting import pairs_table
from innerloop.startup.keys import Role, role

LARGEST = 2**20  #: bytes of a configuration file
LINE = re.compile(r"^(?P<indent> *)(?P<key>[\w\"]+):(?P<value>.*?)(?:\s# (?P<comment>.*))?$")
GLOBAL = "# @package _global_"
BUILT = ("_target_", "_partial_")
DEFAULTS = {  #: the choice of each group whose keys the page lists, by the group
    "engine": "auto", "trainer": "auto", "training": "episodes", "callbacks": "default",
    "paths": "default", "logger": "csv",
}  # fmt: skip
PAGES = ("algorithm", "dataset", "experiment")  #: groups with pages of their own

PAIRS = (
    "Some methods need other tasks than a data set's defaults. Without `experiment=` these pairs "
    "have defaults of their own, chosen on validation tasks; the command line wins, and `~pairs` "
    "leaves them out. A run writes them into its `config.diff`."
)


def page(conf: Path, accepted: Mapping[str, str]) -> str:
    """Tables of all keys and of the choices of each group.

    Arguments:
        conf: the folder of the configuration.
        accepted: what each key accepts, by its dotted name.
    """
    tables = ["| key | default | accepts | what it is | may change |", "|---|---|---|---|---|"]
    tables += [_row(key, value, accepted, said) for key, (value, said) in keys(conf).items()]
    return "\n".join([*tables, "", *_groups(conf)])


def keys(conf: Path) -> dict[str, tuple[str, str]]:
    """The default of each key and what its comment says, by its dotted name."""
    found = _keys_of(read_text(conf / "train.yaml", LARGEST), "")
    for group, choice in DEFAULTS.items():
        file = conf / group / f"{choice}.yaml"
        text = read_text(file, LARGEST)
        own = _keys_of(text, "" if text.startswith(GLOBAL) else f"{group}.")
        found |= {key: (value, said or about(file)) for key, (value, said) in own.items()}
    hidden = ("defaults", "hydra", "names")
    return {key: entry for key, entry in found.items() if key.split(".")[0] not in hidden}


def _keys_of(text: str, prefix: str) -> dict[str, tuple[str, str]]:
    """The keys of a YAML file; a comment of a section is said of the keys without their own."""
    above: list[tuple[int, str, str]] = []  # indent, dotted name and comment of open sections
    found: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        match = LINE.match(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        indent, name = len(match["indent"]), match["key"].strip('"')
        above = [section for section in above if section[0] < indent]
        place = (above[-1][1] if above else prefix) + name
        inherited = above[-1][2] if above else ""
        said = match["comment"] or inherited
        above.append((indent, f"{place}.", said))
        value = match["value"].strip()
        if value and name not in BUILT:
            found |= _inline(place, value, said)
    return found


def _inline(place: str, value: str, said: str) -> dict[str, tuple[str, str]]:
    """The keys of `{a: 1, b: 2}`, which have one comment, or the one key of a plain value."""
    pairs = re.findall(r"(\w+): ([^,{}]+|\$\{[^}]*\})", value) if value.startswith("{") else []
    inner = [(name, given) for name, given in pairs if name not in BUILT]
    if not inner:
        return {place: (value, said)}
    return {f"{place}.{name}": (given.strip(), said) for name, given in inner}


def _row(key: str, default: str, accepted: Mapping[str, str], said: str) -> str:
    own = role(key)
    when = {Role.RESUME: "on resume", Role.EVALUATE: "in evaluate"}
    may = ", ".join(text for flag, text in when.items() if flag in own)
    cells = f"`{key}`", f"`{default}`", accepted.get(key, ""), said, may
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _groups(conf: Path) -> Iterator[str]:
    """The choices of each group that has no pages of its own."""
    folders = sorted(path for path in conf.iterdir() if path.is_dir())
    for folder in folders:
        if folder.name in (*PAGES, "hydra"):
            continue
        if folder.name == pairs_table.FOLDER.parts[0]:
            yield from (f"## {folder.name}", "", PAIRS, "", *pairs_table.table(conf), "")
            continue
        yield from (f"## {folder.name}", "", "| choice | what it is |", "|---|---|")
        for file in sorted(folder.glob("*.yaml")):
            yield f"| `{folder.name}={file.stem}` | {about(file)} |"
        yield ""


def about(file: Path) -> str:
    """What the first comment of a file says."""
    lines = read_text(file, LARGEST).splitlines()
    comments: list[str] = []
    for line in lines:
        if line.startswith("# @package"):
            continue
        if not line.startswith("#"):
            break
        comments.append(line.removeprefix("#").strip())
    if not comments and file.parent.name == "search":
        return f"ranges for the settings of `algorithm={file.stem}`"
    return " ".join(comments)
