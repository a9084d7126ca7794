"""KEY=VALUE arguments: texts stay texts, and error messages say what would work."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from innerloop.errors import UserError
from innerloop.startup.arguments import Arguments, Flag, Folder, positional


class Program(Arguments):
    support: Folder
    name: str = "none"
    steps: Annotated[int, Field(description="a whole number, 0 or more", ge=0)] = 3
    trust: Flag = False
    data: Annotated[str | None, Field(alias="paths.data")] = None


@pytest.mark.parametrize("text", ["007", "1e3", "null", "true", "a=b", "#1", "[1", "${x}", "a b"])
def test_a_text_stays_as_it_was_typed(text: str) -> None:
    given = Program.parse([f"support={text}", f"name={text}", f"paths.data={text}"])
    assert (given.support, given.name, given.data) == (Path(text), text, text)


def test_values_become_what_their_keys_declare() -> None:
    given = Program.parse(["support=a", "steps=0", "trust=true"])
    assert (given.steps, given.trust, given.data) == (0, True, None)
    assert Program.parse(["support=a", "trust=false"]).trust is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["suport=a"], "'suport=a' is not known: did you mean support=?"),
        (["support"], "'support' is not known: There are support=VALUE, name=VALUE"),
        (["support="], "'support=' is not known"),
        (["data=a"], "paths.data=VALUE"),
        ([], "support= is missing: give a folder."),
        (["support=a", "steps=-1"], "steps=-1: give a whole number, 0 or more."),
        (["support=a", "steps=few"], "steps=few: give a whole number, 0 or more."),
        (["support=a", "trust=perhaps"], "trust=perhaps: give true or false."),
    ],
)
def test_a_wrong_argument_gets_a_message_with_what_would_work(
    words: list[str], message: str
) -> None:
    with pytest.raises(UserError) as error:
        Program.parse(words)
    assert message in str(error.value)


def test_a_folder_may_have_an_equals_sign_in_its_name(tmp_path: Path) -> None:
    run = tmp_path / "lr=0.1"
    run.mkdir()
    assert positional([str(run), "task=test/1", "a"]) == ([str(run), "a"], ["task=test/1"])
