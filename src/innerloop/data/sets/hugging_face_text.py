"""Texts that Hugging Face's library `datasets` reads: by name, or from files of many kinds."""

from collections.abc import Mapping

from innerloop.data.packs.record import Recipe
from innerloop.data.sets.hub_rows import HubRows
from innerloop.data.texts.text_classes import TextClasses, Texts
from innerloop.errors import UserError


class HuggingFaceText(TextClasses):
    """Classes of texts from a data set of Hugging Face, or from files.

    `innerloop.data.sets.hub_rows` says which classes are in which split.

    Arguments:
        name: on the hub, such as `PolyAI/banking77`; a folder that `save_to_disk` wrote; or a
            format: `csv`, `json` or `parquet`.
        data_dir: folder of all data sets, where the texts are packed.
        text: column of the texts.
        files, label, split, revision: as of `HubRows`.
    """

    def __init__(
        self,
        name: str,
        data_dir: str,
        files: str | None = None,
        text: str = "text",
        label: str = "label",
        split: str | None = None,
        revision: str | None = None,
    ) -> None:
        super().__init__("hugging_face_text", data_dir)
        self.table = HubRows(
            name=name,
            files=files,
            content=("text", text),
            label=label,
            split=split,
            revision=revision,
        )

    @property
    def recipe(self) -> Recipe:
        return {**super().recipe, **self.table.recipe}

    def texts(self) -> Mapping[str, Texts]:
        column = self.table.rows[self.table.column]
        wrong = next((row for row, text in enumerate(column) if not isinstance(text, str)), None)
        if wrong is not None:
            raise UserError(
                f"Row {wrong} of dataset.name={self.table.name} holds no text in its column "
                f"{self.table.column}: set dataset.text."
            )
        texts = [" ".join(text.split()) for text in column]
        return {
            split: {name: [texts[row] for row in rows] for name, rows in classes.items()}
            for split, classes in self.table.members().items()
        }
