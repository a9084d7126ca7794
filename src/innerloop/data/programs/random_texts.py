"""Random texts in the form of names, dates, addresses and codes, to train on."""

import numpy as np

CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"
SEPARATORS = (" ", " ", " ", ", ", ",", ".", "-", "/", ":", "; ", "_", "@", "\t", " (", "=", ") ")


def random_texts(rng: np.random.Generator, count: int) -> list[str]:
    """Texts of one random form: the same separators, between words or numbers of the same kind.

    Example:
        >>> random_texts(np.random.default_rng(5), 2)
        ['27/nida/0', '9/po/2']
    """
    kinds = rng.integers(6, size=rng.integers(1, 5))
    separators = [SEPARATORS[i] for i in rng.integers(len(SEPARATORS), size=len(kinds))]
    if rng.random() < 0.5:  # often one separator, as in a date
        separators = separators[:1] * len(kinds)
    return [_text(rng, kinds, separators) for _ in range(count)]


def _text(rng: np.random.Generator, kinds: np.ndarray, separators: list[str]) -> str:
    parts = [_part(rng, int(kind)) for kind in kinds]
    pairs = zip(parts, [*separators[: len(parts) - 1], ""], strict=True)
    return "".join(part + separator for part, separator in pairs)


def _part(rng: np.random.Generator, kind: int) -> str:
    if kind >= 4:
        return str(rng.integers(10 ** rng.integers(1, 5)))
    if kind == 3:
        return f"{rng.integers(100):02d}"
    syllables = range(rng.integers(1, 4))
    word = "".join(own[rng.integers(len(own))] for _ in syllables for own in (CONSONANTS, VOWELS))
    return (word, word.title(), word.upper())[kind]
