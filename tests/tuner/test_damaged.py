"""What a search reads back from its folder is checked: one sentence that names the file."""

import json
import shutil

import pytest
from small_search import search_in
from test_oracle import oracle_in, run_all

from fer_keras.errors import FerKerasError
from tuner.ledger import read_rows
from tuner.settings import read_search

TOLD = {"families": ("cnn",), "budgets": (5_000,), "trials": 1, "control_budgets": ()}


@pytest.fixture
def folder(tmp_path):
    """The state of a search without any training."""
    run_all(oracle_in(tmp_path / "s", **TOLD))
    return tmp_path / "s"


def set_in(path, value, *keys):
    content = json.loads(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(content))


def test_a_state_that_is_whole_is_read(folder):
    assert oracle_in(folder, reload=True, **TOLD).is_finished()


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["trial_id"], []),
        (["hyperparameters"], None),
        (["hyperparameters", "values", "family"], "vit"),
        (["hyperparameters", "values", "cnn_depth_early"], "two"),
        (["hyperparameters", "values", "budget"], "many"),
        (["metrics", "metrics"], 3),
        (["score"], "good"),
        (["status"], 7),
    ],
)
def test_a_damaged_trial_is_named(folder, keys, value):
    set_in(folder / "trial_0000" / "trial.json", value, *keys)
    with pytest.raises(FerKerasError, match=r"trial_0000/trial\.json: expected what a search wrote, found"):
        oracle_in(folder, reload=True, **TOLD)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["ongoing_trials"], {"worker-1": "0099"}),
        (["end_order"], ["0099"]),
        (["end_order"], None),
        (["hyperparameters"], 1),
        (["tried_so_far"], None),
    ],
)
def test_a_damaged_oracle_is_named(folder, keys, value):
    set_in(folder / "oracle.json", value, *keys)
    with pytest.raises(FerKerasError, match=r"oracle\.json: expected what a search wrote, found something else"):
        oracle_in(folder, reload=True, **TOLD)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3"])
@pytest.mark.parametrize("name", ["oracle.json", "trial_0000/trial.json"])
def test_what_is_no_object_is_named(folder, name, text):
    (folder / name).write_text(text)
    with pytest.raises(FerKerasError, match=rf"{name}: expected "):
        oracle_in(folder, reload=True, **TOLD)


@pytest.mark.parametrize(
    ("keys", "value", "sentence"),
    [
        (["trials"], "ten", r"trials 'ten': expected a whole number"),
        (["trials"], 0, r"trials 0: expected"),
        (["budgets"], 5_000, r"budgets 5000: expected a list"),
        (["budgets"], ["many"], r"budgets\[0\] 'many': expected a whole number"),
        (["families"], ["vit"], "unknown family 'vit'"),
        (["tirals"], 1, "unknown key 'tirals'"),
        (["base", "fit", "epochs"], None, r"base\.fit\.epochs None: expected"),
        (["base", "data"], [], r"base\.data: expected an object"),
    ],
)
def test_damaged_settings_are_named(tmp_path, keys, value, sentence):
    path = tmp_path / "search.json"
    path.write_text(json.dumps(search_in(tmp_path).to_dict()))
    assert read_search(path).is_same(search_in(tmp_path))
    set_in(path, value, *keys)
    with pytest.raises(FerKerasError, match=rf"search\.json: .*{sentence}"):
        read_search(path)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("curve", 0.5, "curve 0.5: expected a list"),
        ("val_accuracy", "good", "val_accuracy 'good': expected a number"),
        ("stage", "last", "stage 'last': expected one of search, final, control"),
        ("attempt", 1, "unknown key 'attempt'"),
    ],
)
def test_a_damaged_row_is_named(tmp_path, key, value, sentence):
    from command import ROOT

    shutil.copytree(ROOT / "saved_models" / "frontier" / "trial_0000", tmp_path / "trial_0000")
    assert read_rows(tmp_path)[0]["trial"] == "0000"
    set_in(tmp_path / "trial_0000" / "row.json", value, key)
    with pytest.raises(FerKerasError, match=rf"trial_0000/row\.json: {sentence}"):
        read_rows(tmp_path)
