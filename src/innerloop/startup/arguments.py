"""The `KEY=VALUE` words of a program without Hydra, checked against its declared keys.

pydantic reads the values. `OmegaConf.from_dotlist` would parse them as YAML, where the folder
`support=007` is the number 7 and `out=#1` is empty. Imports nothing heavy.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from innerloop.errors import UserError
from innerloop.startup.suggestions import similar

Folder = Annotated[Path, Field(description="a folder")]
Flag = Annotated[bool, Field(description="true or false")]


class Arguments(BaseModel):
    """The keys of one program: a field for each, with its type and, if optional, its default.

    A field's description completes the sentence "KEY=VALUE: give ..."; its alias is its key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        """Reads the words of a command line.

        Raises:
            UserError: for the first word that is not a declared `KEY=VALUE`, a missing key, or a
                value of the wrong type.
        """
        given = {}
        for word in words:
            key, _, value = word.partition("=")
            if key not in cls.declared() or not value:
                raise UserError(f"{word!r} is not known: {cls._hint(key)}")
            given[key] = value
        try:
            return cls.model_validate_strings(given)
        except ValidationError as errors:
            key = str(errors.errors()[0]["loc"][0])
        if key not in given:
            raise UserError(f"{key}= is missing: give {cls.declared()[key]}.")
        raise UserError(f"{key}={given[key]}: give {cls.declared()[key]}.")

    @classmethod
    def declared(cls) -> dict[str, str]:
        """The description of the values of every key."""
        fields = cls.model_fields.items()
        return {f.alias or name: f.description or "a text" for name, f in fields}

    @classmethod
    def _hint(cls, key: str) -> str:
        close = "" if key in cls.declared() else similar(key, cls.declared())
        mean = f"did you mean {close}=? " if close else ""
        return f"{mean}There are {', '.join(f'{known}=VALUE' for known in cls.declared())}."


def positional(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separates folders and files, which may have a = in their names, from `KEY=VALUE` words."""
    paths = [word for word in words if "=" not in word or Path(word).expanduser().exists()]
    return paths, [word for word in words if word not in paths]
