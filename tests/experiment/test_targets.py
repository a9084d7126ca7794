"""Parts with a _target_ must fit the signature of their target."""

from typing import Any

import pytest
import torch

from innerloop.errors import UserError
from innerloop.experiment import targets

calls: list[Any] = []


class Part:
    def __init__(
        self,
        width: int,
        rate: float = 0.1,
        pair: tuple[float, float] = (0, 1),
        names: "dict[str, int] | None" = None,
        deep: bool = False,
        given: torch.Tensor | float = 0.0,
        plain=3,
        unknown: "NoSuchName" = None,  # type: ignore[name-defined]  # noqa: F821
    ) -> None:
        calls.append(self)


def part(**values: Any) -> dict[str, Any]:
    return {"_target_": f"{__name__}.Part", "width": 3} | values


@pytest.fixture(autouse=True)
def _findable(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _module())


def _module() -> Any:
    import types

    module = types.ModuleType(__name__)
    vars(module).update(globals())
    return module


@pytest.mark.parametrize(
    "values",
    [
        {}, {"rate": 1}, {"pair": [0, 2.5]}, {"names": {"a": 1}}, {"names": None}, {"given": 2},
        {"plain": 2.5}, {"unknown": "anything"}, {"width": {"_target_": "math.prod", "_args_": []}},
        {"_partial_": True},
    ],
)  # fmt: skip
def test_fitting_arguments_pass_and_nothing_is_called(values: dict[str, Any]) -> None:
    targets.check(part(**values), "model")
    assert calls == []


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"width": 3.0}, "model.width=3.0: give a whole number"),
        ({"width": None}, "model.width=null: give a whole number"),
        ({"rate": "fast"}, "model.rate=fast: give a number"),
        ({"rate": True}, "model.rate=true: give a number"),
        ({"deep": 1}, "model.deep=1: give true or false"),
        ({"pair": [1]}, "model.pair=[1]"),
        ({"names": {"a": "b"}}, "model.names="),
        ({"given": "much"}, "model.given=much"),
        ({"plain": "text"}, "model.plain=text: give a number"),
        ({"widht": 3}, "Part takes no widht; did you mean model.width?"),
        ({"_partial_": "yes"}, "model._partial_=yes: give true or false"),
        ({"rate": {"_target_": "no.such.Thing"}}, "model.rate._target_=no.such.Thing is not found"),
        ({"_target_": "math.pi"}, "neither a class nor a function"),
    ],
)
def test_arguments_that_do_not_fit_are_named(values: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as error:
        targets.check(part(**values), "model")
    assert line in str(error.value)
    assert calls == []


def test_required_arguments_may_come_from_the_program() -> None:
    bare = {"_target_": f"{__name__}.Part"}
    with pytest.raises(UserError, match="model.width is missing: Part needs it"):
        targets.check(bare, "model")
    targets.check(bare, "model", ("width",))
    with pytest.raises(UserError, match="the program itself passes width to Part"):
        targets.check(part(), "model", ("width",))
