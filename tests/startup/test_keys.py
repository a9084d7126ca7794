"""The table of the configuration's keys is complete, and says which keys change a result."""

import pytest
from helpers import choices, config
from omegaconf import OmegaConf

from innerloop.experiment import stored
from innerloop.experiment.schema import Configuration
from innerloop.startup.keys import KEYS, Role, flat, having, role
from innerloop.startup.suggestions import dotted


def composed() -> set[str]:
    """Every dotted key, sections too, of every choice of every group, in both programs."""
    pairs = [
        (group, choice)
        for group in (
            "dataset",
            "encoder",
            "algorithm",
            "model",
            "trainer",
            "engine",
            "logger",
            "paths",
        )
        for choice in choices(group)
    ]
    configs = [config(f"{group}={choice}") for group, choice in pairs] + [config(name="evaluate")]
    return {key for one in configs for key in dotted(OmegaConf.to_container(one))}


def classified(key: str) -> bool:
    return any(key == known or key.startswith(f"{known}.") for known in KEYS)


def test_every_key_is_in_the_table_and_the_table_has_no_other() -> None:
    keys = composed()
    assert [
        key for key in sorted(keys | set(Configuration.model_fields)) if not classified(key)
    ] == []
    assert set(KEYS) <= keys


@pytest.mark.parametrize("allowed", [Role.RESUME, Role.EVALUATE])
def test_a_role_of_a_section_holds_for_all_its_keys(allowed: Role) -> None:
    for key in KEYS:
        section = key.rpartition(".")[0]
        if section in KEYS and allowed in KEYS[section]:
            assert allowed in KEYS[key], key


def test_only_steps_rate_and_precision_may_be_changed_by_resume_and_move_results() -> None:
    moving = {key for key, roles in KEYS.items() if Role.RESUME | Role.RESULT in roles}
    assert moving == {
        "outer.steps", "outer.optimizer.lr", "trainer.precision", "trainer.matmul"
    }  # fmt: skip


def test_a_key_has_the_roles_of_its_longest_listed_prefix() -> None:
    assert role("outer.steps") != role("outer.tasks") == role("outer.clip") == KEYS["outer"]
    assert role("trainer.devices") == KEYS["trainer"]
    assert Role.RESULT in role("of_another_version")


def test_a_section_is_listed_only_when_all_its_keys_have_the_role() -> None:
    assert "trainer" in having(Role.RESUME) and "trainer.precision" not in having(Role.RESUME)
    assert "outer.steps" in having(Role.RESUME) and "outer" not in having(Role.RESUME)


def test_flat_lists_values_by_dotted_key() -> None:
    assert flat({"a": {"b": 1, "c": {}}, "d": 2}) == {"a.b": 1, "a.c": {}, "d": 2}


def test_the_hash_of_a_setting_follows_the_keys_that_move_the_result() -> None:
    settings = config("dataset=omniglot", "episode.balance=meta_dataset")  # uses every size
    settings.hydra = None
    before = stored.fingerprint(settings)
    for key, value in flat(OmegaConf.to_container(settings, resolve=False)).items():
        if type(value) is not int:
            continue
        changed = settings.copy()
        OmegaConf.update(changed, key, value + 1)
        moved = stored.fingerprint(changed) != before
        assert moved == (Role.RESULT in role(key)), key
