"""A small typed language of programs over texts: its functions.

Types are `text`, `int` and `sign`, one character that often separates parts of a text.
"""

import re
from collections.abc import Mapping
from typing import Any

from innerloop.languages.language import Function, Language, Undefined

LONGEST = 200  #: characters of a text
SIGNS = {
    "space": " ", "comma": ",", "dot": ".", "hyphen": "-", "slash": "/", "colon": ":",
    "semicolon": ";", "open": "(", "close": ")", "underscore": "_", "at": "@", "equals": "=",
    "tab": "\t", "line": "\n", "zero": "0",
}  # fmt: skip


def _part(sign: str, k: int, text: str) -> str:
    return text.split(sign)[k]


def _run(pattern: str, k: int, text: str) -> str:
    return re.findall(pattern, text)[k]


FUNCTIONS: Mapping[str, Function] = {
    **{name: Function((), "sign", lambda sign=sign: sign) for name, sign in SIGNS.items()},
    "part": Function(("sign", "int", "text"), "text", _part),
    "last_part": Function(("sign", "text"), "text", lambda s, x: _part(s, -1, x)),
    "before": Function(("sign", "text"), "text", lambda s, x: x[: x.index(s)]),
    "after": Function(("sign", "text"), "text", lambda s, x: x[x.index(s) + 1 :]),
    "before_last": Function(("sign", "text"), "text", lambda s, x: x[: x.rindex(s)]),
    "first": Function(("int", "text"), "text", lambda k, x: x[:k]),
    "last": Function(("int", "text"), "text", lambda k, x: x[len(x) - k :] if k <= len(x) else x),
    "without_first": Function(("int", "text"), "text", lambda k, x: x[k:]),
    "without_last": Function(("int", "text"), "text", lambda k, x: x[: max(len(x) - k, 0)]),
    "number": Function(("int", "text"), "text", lambda k, x: _run("[0-9]+", k, x)),
    "word": Function(("int", "text"), "text", lambda k, x: _run(r"[^\W\d_]+", k, x)),
    "decimal": Function(("int", "text"), "text", lambda k, x: _run(r"-?\d+\.?\d*", k, x)),
    "digits": Function(("text",), "text", lambda x: "".join(re.findall("[0-9]", x))),
    "initials": Function(("text",), "text", lambda x: "".join(re.findall(r"\b[^\W\d_]", x))),
    "upper": Function(("text",), "text", str.upper),
    "lower": Function(("text",), "text", str.lower),
    "title": Function(("text",), "text", str.title),
    "strip": Function(("text",), "text", str.strip),
    "remove": Function(("sign", "text"), "text", lambda s, x: x.replace(s, "")),
    "replace": Function(("sign", "sign", "text"), "text", lambda s, t, x: x.replace(s, t)),
    "put_before": Function(("sign", "text"), "text", lambda s, x: s + x),
    "put_after": Function(("sign", "text"), "text", lambda s, x: x + s),
    "both": Function(("text", "text"), "text", lambda x, y: x + y),
    "joined": Function(("sign", "text", "text"), "text", lambda s, x, y: x + s + y),
}


def within_limits(value: Any) -> Any:
    """The value, if it is within the limits.

    Raises:
        Undefined: if it is not.
    """
    if isinstance(value, str) and len(value) > LONGEST:
        raise Undefined("a text is too long")
    return value


TEXTS = Language("text", FUNCTIONS, range(6), within_limits)
