"""A checkpoint or run folder from someone else runs only code that is known to be harmless."""

import copy
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from cli import call, evaluate, mistake, results, train
from helpers import config

from innerloop.data.sets.glyphs import Glyphs
from innerloop.errors import UserError, visible
from innerloop.experiment import restored, trust
from innerloop.experiment.allowed import is_allowed

SMALL = (
    "debug=fast", "outer.steps=2", "engine.compile=false", "trainer=cpu", "logger=none",
    "evaluation.audit=0", "diagnostics.test_tasks=0", "diagnostics.validation_tasks=0",
)  # fmt: skip
SENTINEL = "it-ran"
OUTSIDE = Path(__file__).parents[1] / "outside"


class Marked(Glyphs):
    """A foreign data set that writes a file when it is built."""

    def __init__(self, **given: Any) -> None:
        Path(os.environ["PLACE"], SENTINEL).touch()
        super().__init__(**given)


class Code:
    """An object that runs code when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.file}",)


def foreign(place: Path) -> dict[str, dict[str, Any]]:
    """Nodes of a configuration, by name; each would write the sentinel file if instantiated."""
    file = str(place / SENTINEL)
    touch = {"_target_": "os.system", "command": f"touch {file}"}
    torch.save(Code(place / SENTINEL), place / "bad.pt")
    (place / "hubconf.py").write_text(f"open({file!r}, 'w').close()\ndef model(): return 1\n")
    (place / "source").write_text("x")
    module = "torch.optim.lr_scheduler"
    return {
        "os.system": touch,
        "torch.load": {
            "_target_": "torch.load", "f": str(place / "bad.pt"), "weights_only": False,
        },
        "torch.hub": {
            "_target_": "torch.hub.load", "repo_or_dir": str(place), "model": "model",
            "source": "local",
        },
        "numpy.load": {
            "_target_": "numpy.load", "file": str(place / "bad.npy"), "allow_pickle": True,
        },
        "copyfile": {
            "_target_": "shutil.copyfile", "src": str(place / "source"), "dst": file,
        },
        "eval": {"_target_": "builtins.eval", "_args_": [f"open({file!r}, 'w')"]},
        "open": {"_target_": "builtins.open", "file": file, "mode": "w"},
        "partial": {"_target_": "functools.partial", "_args_": [touch]},
        "nested": {
            "_target_": "innerloop.models.network.Network", "body": {"layers": [{"a": touch}]},
        },
        "deferred": touch | {"_partial_": True},
        "positional": {"_target_": "torch.nn.Sequential", "_args_": [touch]},
        "alias": {"_target_": f"{module}.weakref.sys.modules", "_partial_": True},
        "call": {"_target_": "hydra.utils.call", "config": touch, "_recursive_": False},
        "run_path": {"_target_": "runpy.run_path", "path_name": str(place / "hubconf.py")},
        "ours": {"_target_": "innerloop.machine.files.whole_file", "path": file},
        "interpolated": {"_target_": "${names.dataset}.system", "command": f"touch {file}"},
        "created": {"x": "${oc.create:{_target_: os.system, command: 'touch " + file + "'}}"},
        "decoded": {"x": "${oc.decode:'{_target_: os.system}'}"},
        "environment": {"x": "${oc.env:PRIVATE}"},
        "twice": {"x": "\\${oc.env:PRIVATE}"},
        "by name": {"x": "${${names.dataset}:PRIVATE}"},
    }  # fmt: skip


NODES = ("dataset", "model", "outer.optimizer", "callbacks.extra", "trainer.strategy", "unused")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trust") / "run"
    train(folder, *SMALL)
    return folder


def altered(run: Path, copied: Path, change: Callable[[Any], Any]) -> Path:
    """A copy of a run whose stored configurations are changed."""
    shutil.copytree(run, copied)
    file = copied / "composed.yaml"
    file.write_text(yaml.safe_dump(change(yaml.safe_load(file.read_text()))))
    for file in (copied / "checkpoints").glob("*.ckpt"):
        content = torch.load(file, weights_only=True)
        content["innerloop"]["config"] = change(content["innerloop"]["config"])
        torch.save(content, file)
    return copied


def put(content: Any, key: str, node: Any) -> Any:
    changed = copy.deepcopy(content)
    *way, last = key.split(".")
    inner = changed
    for part in way:
        inner = inner[part]
    inner[last] = copy.deepcopy(node)
    return changed


def programs(run: Path, out: Path, *more: str) -> dict[str, tuple[str, ...]]:
    """The command line of every program that reads a stored configuration."""
    return {
        "evaluate": (f"ckpt_path={run}", f"hydra.run.dir={out}", "logger=none", *more),
        "train": (f"resume={run}", *more),
        "replay": (str(run), "task=test/0", *more),
        "adapt": (f"ckpt_path={run}", f"support={out}", f"query={out}", f"out={out}", *more),
    }


@pytest.mark.parametrize("kind", list(foreign(Path(os.environ.get("TMPDIR", "/tmp")))))
def test_foreign_targets_are_never_run(
    run: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIVATE", "the cat's name")
    kinds = foreign(tmp_path)
    key = NODES[list(kinds).index(kind) % len(NODES)]
    theirs = altered(run, tmp_path / "run", lambda stored: put(stored, key, kinds[kind]))
    for program, words in programs(theirs, tmp_path / "out").items():
        message = mistake(program, *words)
        assert "trust=true" in message and key in message, (program, message)
        assert "the cat's name" not in message
    assert not (tmp_path / SENTINEL).exists()
    assert not list(tmp_path.glob("out/results.json"))


def test_a_trusted_foreign_target_runs_and_is_reported(
    run: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", str(tmp_path))
    glyphs = tmp_path / "glyphs"
    train(glyphs, *SMALL, "dataset=glyphs", "dataset._target_=tests.experiment.test_trust.Marked")
    for program, words in programs(glyphs, tmp_path / "out", "trust=true").items():
        (tmp_path / SENTINEL).unlink(missing_ok=True)
        if program == "adapt":
            words = (*words[:1], f"support={tmp_path / 'nowhere'}", *words[2:])
            assert "nowhere" in mistake(program, *words)
        else:
            call(program, *words)
        assert (tmp_path / SENTINEL).exists(), program
        shown = capsys.readouterr().out
        assert (
            "trust=true" in shown and "dataset._target_=tests.experiment.test_trust.Marked" in shown
        )


def test_targets_composed_by_the_user_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", str(tmp_path))
    mine = ("dataset=glyphs", "dataset._target_=tests.experiment.test_trust.Marked")
    sweep = ("--multirun", "seed=0", f"hydra.sweep.dir={tmp_path / 'sweep'}", *SMALL, *mine)
    call("train", *sweep)
    (member,) = (f.parent for f in (tmp_path / "sweep").rglob("results.json"))
    (member / "results.json").unlink()
    call("train", *sweep, "sweep.resume=true")
    assert results(member)["seed"] == 0


def test_a_package_on_the_search_path_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(OUTSIDE))
    places = f"hydra.searchpath=[file://{OUTSIDE}/conf]"
    theirs = ("algorithm=mean_head", "dataset=ramps", "model=wide")
    result = train(tmp_path / "run", places, *theirs, *SMALL)
    assert "trust=true" in mistake("train", f"resume={tmp_path / 'run'}")
    call("train", f"resume={tmp_path / 'run'}", places)
    again = evaluate(tmp_path / "test", f"ckpt_path={tmp_path / 'run'}", places, "logger=none")
    assert again["test"] == result["test"] == results(tmp_path / "run")["test"]


GOOD = (
    "torch.optim.Adam", "torch.optim.adamw.AdamW", "torch.optim.lr_scheduler.OneCycleLR",
    "torch.nn.Linear", "torch.nn.modules.linear.Linear", "datetime.timedelta",
    "lightning.pytorch.strategies.DDPStrategy", "innerloop.objectives.Regression",
)  # fmt: skip
BAD = (
    "torch.optim.lr_scheduler.weakref.WeakSet", "torch.optim.lr_scheduler.Counter",
    "torch.nn.init.normal_", "torch.nn.functional.relu", "torch.optim.Adam.step", "torch.optim",
    "torch.optim.Adam ", "torch.optim.Adam\n", "innerloop.data.sets.folder.Path", "torch.nn",
    "innerloop.callbacks.interruption.os.kill", "innerloop.startup.resolvers.repository", "",
    "innerloop.data.labelled.support_of", "lightning.pytorch.Trainer", None, 3, ["os.system"],
    {"_target_": "os.system"}, "torch.utils.data.DataLoader", "torch.nn.Module.load_state_dict",
)  # fmt: skip


def test_every_target_of_conf_is_allowed() -> None:
    for name in (
        "", "algorithm=protonet dataset=glyphs", "algorithm=reptile", "trainer=ddp",
        "dataset=omniglot", "algorithm=anil dataset=miniimagenet", "logger=tensorboard",
        "logger=wandb", "algorithm=meta_sgd", "experiment=sinusoid_maml_5shot",
    ):  # fmt: skip
        composed: Any = config(*name.split())
        plain = {
            k: v for k, v in _container(composed).items() if k not in ("hydra", "names", "paths")
        }
        assert trust.check(plain, "here", trust=False) == [], name
    assert all(map(is_allowed, GOOD))


def _container(config: Any) -> dict[str, Any]:
    from omegaconf import OmegaConf

    values: dict[str, Any] = OmegaConf.to_container(config)  # type: ignore[assignment]
    return values


@pytest.mark.parametrize("target", BAD, ids=repr)
def test_aliases_functions_and_invalid_names_are_not_allowed(target: Any) -> None:
    assert not is_allowed(target)


def _loop() -> Any:
    ring: dict[str, Any] = {}
    ring["ring"] = ring
    return ring


def _bomb() -> Any:
    value: Any = ["x"] * 9
    for _ in range(9):
        value = [value] * 9
    return value


def _deep() -> Any:
    value: Any = {}
    for _ in range(5000):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "change",
    [
        lambda stored: [stored],
        lambda stored: None,
        lambda stored: {},
        lambda stored: {k: v for k, v in stored.items() if k != "outer"},
        lambda stored: stored | {"outer": ["steps"]},
        lambda stored: stored | {"x": "${x}"},
        lambda stored: stored | {"x": "${nowhere.at.all}"},
        lambda stored: stored | {"x": "${oc.env"},
        lambda stored: stored | {"x": _loop()},
        lambda stored: stored | {"x": _bomb()},
        lambda stored: stored | {"x": _deep()},
        lambda stored: stored | {"x": {1.5: object()}},
    ],
)
def test_a_file_that_is_not_a_configuration_is_refused_in_one_line(
    run: Path, change: Callable[[Any], Any]
) -> None:
    content = yaml.safe_load((run / "composed.yaml").read_text())
    with pytest.raises(UserError) as error:
        restored.from_file(change(content), Path("some\x1b[2J.ckpt"))
    assert "some" in str(error.value) and "\x1b" not in str(error.value)
    assert len(str(error.value)) < 500 and "\n" not in str(error.value)


def test_control_characters_are_not_printed() -> None:
    assert visible("c\u00e9 \u4e2d") == "c\u00e9 \u4e2d"
    for code in (*range(32), *range(127, 160), 0x202E, 0x2066):
        assert visible(f"a{chr(code)}b").isprintable(), hex(code)


def test_a_pipe_in_place_of_a_checkpoint_is_refused_without_waiting(
    run: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "x.ckpt")
    assert "is not a file" in mistake("evaluate", f"ckpt_path={tmp_path / 'x.ckpt'}")
    shutil.copytree(run, tmp_path / "run")
    file = tmp_path / "run" / "composed.yaml"
    file.unlink()
    os.mkfifo(file)
    assert "composed.yaml" in mistake("train", f"resume={tmp_path / 'run'}")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("innerloop", None), ("innerloop.config", "text"), ("innerloop.engine", None),
        ("innerloop.engine.chunk", "many"), ("innerloop.seconds", [1]), ("innerloop.step", "two"),
        ("innerloop.step", True), ("innerloop.validation", [1]), ("innerloop.validation.mse", "x"),
        ("innerloop.config.outer.steps", "many"), ("innerloop.config.evaluation", {"tasks": []}),
        ("innerloop.config.model.body.hidden", {"a": 1}), ("innerloop.config.seed", [0]),
        ("state_dict", [1]),
        ("state_dict", {"x": 1}), ("global_step", "x"), ("callbacks", [1]),
        ("callbacks.Recovery", 1),
        ("loops", True), ("optimizer_states", [1]), ("pytorch-lightning_version", True),
    ],
)  # fmt: skip
def test_fields_of_the_wrong_kind_are_refused_in_one_line(
    run: Path, tmp_path: Path, key: str, value: Any
) -> None:
    shutil.copytree(run, tmp_path / "run")
    for name in ("best", "last", "last-1"):
        file = tmp_path / "run" / "checkpoints" / f"{name}.ckpt"
        if file.exists():
            torch.save(put(torch.load(file, weights_only=True), key, value), file)
    lightnings = key in ("loops", "optimizer_states", "pytorch-lightning_version")
    everywhere = programs(tmp_path / "run", tmp_path / "out")
    if not lightnings and not key.startswith("innerloop.config"):  # not read by a test
        assert "checkpoint" in mistake("evaluate", *everywhere["evaluate"])
    if not key.startswith("innerloop.config"):
        mistake("train", *everywhere["train"])
    elif key != "innerloop.config":
        mistake("evaluate", *everywhere["evaluate"])
