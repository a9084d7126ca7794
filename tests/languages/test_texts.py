"""Programs over texts: the language against plain Python, rows of tokens, and a search."""

import string
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from innerloop.languages.enumeration import search
from innerloop.languages.language import Term, Undefined, written
from innerloop.languages.text_tokens import TextTokens
from innerloop.languages.texts import FUNCTIONS, LONGEST, SIGNS, TEXTS

ROWS = ["", "a", "Ada Lovelace", "12-03-1843, no 7", " x,y ,z", "3.5 -2"]


def letters(x: str) -> list[str]:
    """Runs of letters."""
    return "".join(c if c in string.ascii_letters else " " for c in x).split()


def digits(x: str) -> list[str]:
    return "".join(c if c in string.digits else " " for c in x).split()


def at(parts: list[str], k: int) -> str | None:
    return parts[k] if k < len(parts) else None


# Each function of the language in plain Python, by a term that uses it.
PLAIN: dict[Term, Callable[[str], Any]] = {
    ("part", ("hyphen",), 1, "x"): lambda x: at(list(x.replace("-", "\0").split("\0")), 1),
    ("last_part", ("space",), "x"): lambda x: x.rpartition(" ")[2],
    ("before", ("comma",), "x"): lambda x: x.partition(",")[0] if "," in x else None,
    ("after", ("comma",), "x"): lambda x: x.partition(",")[2] if "," in x else None,
    ("before_last", ("hyphen",), "x"): lambda x: x.rpartition("-")[0] if "-" in x else None,
    ("first", 3, "x"): lambda x: "".join(c for i, c in enumerate(x) if i < 3),
    ("last", 3, "x"): lambda x: "".join(c for i, c in enumerate(x) if i >= len(x) - 3),
    ("last", 0, "x"): lambda x: "",
    ("without_first", 2, "x"): lambda x: "".join(c for i, c in enumerate(x) if i >= 2),
    ("without_last", 2, "x"): lambda x: "".join(c for i, c in enumerate(x) if i < len(x) - 2),
    ("number", 1, "x"): lambda x: at(digits(x), 1),
    ("word", 0, "x"): lambda x: at(letters(x), 0),
    ("digits", "x"): lambda x: "".join(digits(x)),
    ("upper", "x"): lambda x: "".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in x),
    ("lower", "x"): lambda x: "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in x),
    ("title", "x"): lambda x: string.capwords(x, " ") if "," not in x else None,
    ("strip", "x"): lambda x: x.lstrip().rstrip(),
    ("remove", ("dot",), "x"): lambda x: "".join(x.split(".")),
    ("replace", ("space",), ("line",), "x"): lambda x: "\n".join(x.split(" ")),
    ("put_before", ("open",), "x"): lambda x: f"({x}",
    ("put_after", ("close",), "x"): lambda x: f"{x})",
    ("both", "x", ("upper", "x")): lambda x: f"{x}{x.upper()}",
    ("joined", ("colon",), "x", "x"): lambda x: f"{x}:{x}",
}
SINGLE: list[tuple[Term, str, str]] = [
    (("decimal", 1, "x"), "3.5 -2", "-2"),
    (("initials", "x"), "Ada King, Countess of Lovelace", "AKCoL"),
    (("title", "x"), " x,y ,z", " X,Y ,Z"),
]


@pytest.mark.parametrize("term", PLAIN, ids=written)
def test_a_function_equals_plain_python(term: Term) -> None:
    assert TEXTS.type_of(term) == "text"
    for x in ROWS:
        if (expected := PLAIN[term](x)) is not None:
            assert TEXTS.evaluate(term, x) == expected
        elif term[0] != "title":
            with pytest.raises(Undefined):
                TEXTS.evaluate(term, x)


@pytest.mark.parametrize(("term", "x", "y"), SINGLE, ids=str)
def test_a_function_gives_what_its_name_says(term: Term, x: str, y: str) -> None:
    assert TEXTS.evaluate(term, x) == y


def names(term: Term) -> set[str]:
    inner = [names(part) for part in term[1:]] if isinstance(term, tuple) else []
    return {term[0]}.union(*inner) if isinstance(term, tuple) else set()


def test_every_function_is_compared() -> None:
    compared = set().union(*map(names, [*PLAIN, *(term for term, _, _ in SINGLE)]))
    assert compared | set(SIGNS) == set(FUNCTIONS)
    assert all(TEXTS.evaluate((name,), "") == sign for name, sign in SIGNS.items())


def test_a_text_that_is_too_long_has_no_value() -> None:
    assert TEXTS.answer(("both", "x", "x"), "a" * LONGEST) is None


def test_random_programs_have_the_type_that_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    for kind in ("text", "int", "sign") * 300:
        assert TEXTS.type_of(TEXTS.random_term(rng, kind, 3)) == kind


def test_rows_stand_for_their_texts() -> None:
    tokens, rng = TextTokens(length=6), np.random.default_rng(0)
    texts = ["".join(map(chr, rng.integers(32, 127, rng.integers(7)))) for _ in range(50)]
    assert tokens.texts(tokens.rows([*texts, "a\tb\nc"])) == [*texts, "a\tb\nc"]
    rows = tokens.run(("upper", "x"), tokens.rows(texts))
    assert tokens.texts(rows) == [text.upper() for text in texts]


def test_what_cannot_be_written_is_never_an_answer() -> None:
    tokens = TextTokens(length=4)
    assert not tokens.rows(["abcde"], answers=True).any()
    known = tokens.rows(["caf\u00e9"], answers=True).reshape(4, -1)
    assert known.sum(1).tolist() == [1, 1, 1, 0]
    assert not tokens.run(("part", ("comma",), 1, "x"), tokens.rows(["ab"])).any()


def test_a_search_finds_a_program_for_texts() -> None:
    term = ("put_after", ("dot",), ("word", 1, "x"))
    inputs = ["Ada Lovelace 1815", "Emmy Noether, 1882", "Grace Hopper (1906)"]
    outputs = [TEXTS.evaluate(term, x) for x in inputs]
    found = search(inputs, outputs, programs=100_000, language=TEXTS)
    assert TEXTS.evaluate(found.term, "Alan Turing 1912") == "Turing."
    tokens = TextTokens(length=32)
    again = tokens.search(tokens.rows(inputs), tokens.rows(outputs, answers=True), programs=100_000)
    assert again.term == found.term
    weights = torch.tensor([float(s in {"put_after", "dot", "word", "1"}) + 0.01
                            for s in tokens.symbols])  # fmt: skip
    guided = tokens.search(tokens.rows(inputs), tokens.rows(outputs, answers=True), weights=weights)
    assert guided.tried < found.tried
