"""Nearest centroid of TF-IDF vectors: what a text is about, without any learning of meaning."""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from innerloop.data.texts import as_bytes
from innerloop.tasks import Task

WORD = re.compile(r"\w\w+")


class TfIdf:
    r"""Cosine similarities of queries to the mean vectors of the classes.

    A text's vector has, for each word, its count times :math:`\ln\frac{1 + n}{1 + n_w} + 1`, where
    :math:`n_w` of n training texts contain the word, and is scaled to length 1.

    Arguments:
        texts: of training.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.total = len(texts)
        self.containing = Counter(word for text in texts for word in set(words(text)))

    @classmethod
    def of(cls, rows: np.ndarray) -> "TfIdf":
        """From texts as rows of bytes."""
        return cls(as_bytes.decoded(torch.from_numpy(np.array(rows))))

    def __call__(self, task: Task) -> Tensor:
        """Similarities `(queries, ways)`."""
        support, query = (as_bytes.decoded(examples.inputs) for examples in task)
        vectors = self.vectors([*support, *query])
        known, new = vectors[: len(support)], vectors[len(support) :]
        labels = task.support.targets
        means = [known[labels == label].mean(0) for label in range(int(labels.max()) + 1)]
        return new @ torch.nn.functional.normalize(torch.stack(means)).T

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Vectors of length 1 over the words of these texts, `(n, words)`."""
        counts = [Counter(words(text)) for text in texts]
        place = {word: i for i, word in enumerate(dict.fromkeys(w for c in counts for w in c))}
        vectors = torch.zeros(len(texts), max(len(place), 1))
        for row, own in zip(vectors, counts, strict=True):
            for word, count in own.items():
                row[place[word]] = count * self.weight(word)
        return torch.nn.functional.normalize(vectors)

    def weight(self, word: str) -> float:
        """The inverse document frequency of a word."""
        return math.log((1 + self.total) / (1 + self.containing[word])) + 1


def words(text: str) -> list[str]:
    """Words of two letters or more, in lower case."""
    return WORD.findall(text.lower())
