"""What comes next, without training anything."""

import json

import keras_tuner
import numpy as np
import pytest
from small_search import search_in

from fer_keras.files import locked
from tuner.ledger import trial_lock
from tuner.options import SearchOptions
from tuner.oracle import FrontierOracle
from tuner.plan import candidate
from tuner.search_space import defaults


def oracle_in(folder, reload=False, **options):
    search = search_in(folder, **{"families": ("separable", "mobilenet"), "budgets": (5_000, 9_000), **options})
    oracle = FrontierOracle(search)
    oracle._set_project_dir(str(folder.parent), folder.name)
    oracle.reload() if reload else oracle.save()
    return oracle


def end(oracle, trial, score):
    if score is None:
        trial.status = "FAILED"
    else:
        oracle.update_trial(trial.trial_id, {"val_accuracy": score})
        trial.status = "COMPLETED"
    oracle.end_trial(trial)


def run_all(oracle, score=lambda network: 0.5, tuner_id="worker-1"):
    seen = []
    while (trial := oracle.create_trial(tuner_id)).status == "RUNNING":
        network = candidate(trial.hyperparameters.copy(), oracle.search)
        seen.append(network)
        end(oracle, trial, score(network))
    assert trial.status == "STOPPED"
    return seen


def test_every_family_and_budget_has_its_trials_then_the_best_its_full_schedule(tmp_path):
    def score(network):
        return 0.4 + 0.01 * network.values["depth_late"] + 0.001 * network.values["growth_late"]

    oracle = oracle_in(tmp_path / "s", trials=3, seeds=2, control_budgets=(9_000,))
    seen = run_all(oracle, score)
    cells = [(network.family, network.budget) for network in seen]
    turn = [("separable", 5_000), ("mobilenet", 5_000), ("separable", 9_000), ("mobilenet", 9_000)]
    assert cells[:12] == 3 * turn, "in turns, so that a search that was stopped has something of everything"
    stages = [network.stage for network in seen]
    assert stages == 12 * ["search"] + 8 * ["final"] + 4 * ["control"]
    assert [network.seed for network in seen[12:]] == 4 * [0] + 4 * [1] + 2 * [0] + 2 * [1], (
        "one seed of everything first"
    )
    for network in seen[12:]:
        rivals = [other for other in seen[:12] if (other.family, other.budget) == (network.family, network.budget)]
        assert network.values == max(rivals, key=score).values
    assert {network.budget for network in seen[20:]} == {9_000}


def test_no_network_is_tried_twice(tmp_path, monkeypatch):
    asked = []

    def known_again(self, trial_id):
        asked.append(self._vectorize_trials())
        values = {f"cnn_{name}": value for name, value in defaults("cnn").items()}
        return {"status": "RUNNING", "values": values}

    monkeypatch.setattr(keras_tuner.oracles.BayesianOptimizationOracle, "populate_space", known_again)
    oracle = oracle_in(tmp_path / "s", trials=30, budgets=(5_000,), families=("cnn",), control_budgets=())
    seen = run_all(oracle, lambda network: 0.5 + 0.01 * network.values["dense"])[:30]
    assert len({json.dumps(network.options(oracle.search)) for network in seen}) == 30
    assert len(asked) == 28, "the defaults come first, without and with a dense layer"
    for count, (x, y) in enumerate(asked, 2):
        assert x.shape == (count, 8), "all of the family's hyperparameters, of all trials so far"
        np.testing.assert_allclose(y, [-0.5 - 0.01 * network.values["dense"] for network in seen[:count]])


def test_after_some_random_trials_bayesian_optimisation_proposes(tmp_path, monkeypatch):
    """What comes fourth is what KerasTuner's own optimisation makes of the three before."""
    made = keras_tuner.oracles.BayesianOptimizationOracle.populate_space
    proposed = []

    def watched(self, trial_id):
        response = made(self, trial_id)
        proposed.append((len(self.trials), self.num_initial_points, response["values"]))
        return response

    monkeypatch.setattr("keras_tuner.oracles.BayesianOptimizationOracle.populate_space", watched)
    oracle = oracle_in(tmp_path / "s", trials=5, budgets=(5_000,), families=("cnn",), control_budgets=())
    seen = run_all(oracle, lambda network: 0.5 + 0.01 * network.values["dense"])
    assert len({json.dumps(network.options(oracle.search)) for network in seen[:5]}) == 5
    fitted = {count: values for count, points, values in proposed if count >= points}
    assert sorted(fitted) == [3, 4]
    for count, values in fitted.items():
        assert {name.removeprefix("cnn_"): value for name, value in values.items()} == seen[count].values


def test_what_is_best_nearby_is_tried_too(tmp_path):
    best = []

    def score(network):
        if (network.family, network.budget) == ("separable", 9_000) and network.values != defaults("separable"):
            best.append(network.values)
            return 0.9
        return 0.5

    options = {"budgets": (5_000, 9_000, 20_000), "trials": 3, "control_budgets": ()}
    seen = [network for network in run_all(oracle_in(tmp_path / "s", **options), score) if network.stage == "search"]
    for cell in (("separable", 5_000), ("separable", 20_000), ("mobilenet", 9_000)):
        assert best[0] in [network.values for network in seen if (network.family, network.budget) == cell]
    assert best[0] not in [
        network.values for network in seen if (network.family, network.budget) == ("mobilenet", 5_000)
    ]


def test_full_schedules_that_failed_are_tried_again_by_the_next_start(tmp_path):
    options = {"trials": 2, "seeds": 2, "budgets": (5_000,), "control_budgets": (), "max_failures": 100}
    failing = {("search", "mobilenet", 0), ("final", "separable", 1)}
    oracle = oracle_in(tmp_path / "s", **options)
    seen = run_all(oracle, lambda network: None if (network.stage, network.family, network.seed) in failing else 0.5)
    assert len([network for network in seen if network.stage == "final"]) == 2, "mobilenet has no best"
    again = run_all(oracle_in(tmp_path / "s", reload=True, **options))
    seen = [(network.stage, network.family, network.seed) for network in again]
    assert seen[:3] == [("search", "mobilenet", 0), ("search", "mobilenet", 0), ("final", "separable", 1)]
    assert seen[3:] == [("final", "mobilenet", 0), ("final", "mobilenet", 1)]
    assert run_all(oracle_in(tmp_path / "s", reload=True, **options)) == []


def test_a_kill_while_a_failed_full_schedule_is_tried_again_does_not_lose_it(tmp_path):
    options = {"families": ("cnn",), "trials": 1, "seeds": 2, "budgets": (5_000,), "control_budgets": ()}
    oracle = oracle_in(tmp_path / "s", **options)
    run_all(oracle, lambda network: None if network.stage == "final" else 0.5)
    assert not oracle.is_finished()
    for _ in range(2):  # killed in the first, and in the first again
        oracle = oracle_in(tmp_path / "s", reload=True, **options)
        assert not oracle.is_finished()
        oracle.save()
        assert candidate(oracle.create_trial("worker-1").hyperparameters, oracle.search).stage == "final"
    oracle = oracle_in(tmp_path / "s", reload=True, **options)
    assert [network.seed for network in run_all(oracle)] == [0, 1] and oracle.is_finished()
    assert oracle_in(tmp_path / "s", reload=True, **options).is_finished()


def test_fewer_families_leave_the_others_trials_alone(tmp_path):
    options = {"trials": 1, "budgets": (5_000,), "control_budgets": ()}
    seen = run_all(oracle_in(tmp_path / "s", **options))
    assert {network.family for network in seen} == {"separable", "mobilenet"}
    fewer = oracle_in(tmp_path / "s", reload=True, **{**options, "families": ("mobilenet",), "trials": 2})
    assert {network.family for network in run_all(fewer)} == {"mobilenet"}


def test_the_next_trial_is_a_function_of_those_before(tmp_path):
    first = run_all(oracle_in(tmp_path / "one"))
    folder = tmp_path / "other"
    oracle, second = oracle_in(folder), []
    while (trial := oracle.create_trial("worker-1")).status == "RUNNING":
        second.append(candidate(trial.hyperparameters.copy(), oracle.search))
        end(oracle, trial, 0.5)
        oracle = oracle_in(folder, reload=True)  # as after a kill
    assert second == first


def test_more_trials_budgets_and_seeds_add_to_what_is_there(tmp_path):
    few = run_all(oracle_in(tmp_path / "s", trials=1, budgets=(5_000,), control_budgets=()))
    more = run_all(
        oracle_in(tmp_path / "s", reload=True, trials=2, budgets=(5_000, 9_000), seeds=2, control_budgets=())
    )
    assert [network.stage for network in few] == 2 * ["search"] + 2 * ["final"]
    assert [network.stage for network in more].count("search") == 6
    assert not any(network in few for network in more)
    assert [network.stage for network in more].count("final") == 2 * 4 - 2


def test_a_worker_keeps_its_trial_when_the_chief_comes_back(tmp_path):
    oracle = oracle_in(tmp_path / "s")
    mine, other = (oracle.create_trial(f"worker-{n}").trial_id for n in (1, 2))
    oracle = oracle_in(tmp_path / "s", reload=True)
    assert oracle.create_trial("worker-2").trial_id == other
    assert oracle.create_trial("worker-1").trial_id == mine
    assert oracle.create_trial("worker-3").trial_id not in (mine, other)


def test_a_trial_that_the_state_does_not_know_of_is_given_out_again(tmp_path):
    oracle = oracle_in(tmp_path / "s")
    before = (tmp_path / "s" / "oracle.json").read_bytes()
    lost = oracle.create_trial("worker-1").trial_id
    (tmp_path / "s" / "oracle.json").write_bytes(before)  # killed between the trial's file and the oracle's
    again = oracle_in(tmp_path / "s", reload=True)
    assert again.create_trial("worker-2").trial_id == lost and again.start_order == [lost]


def test_a_dead_workers_trial_goes_to_one_that_has_nothing_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("tuner.oracle._GRACE_SECONDS", 0.0)
    oracle = oracle_in(tmp_path / "s", families=("cnn",), budgets=(5_000,), trials=1, control_budgets=())
    trial = oracle.create_trial("worker-1")
    folder = oracle._get_trial_dir(trial.trial_id)
    with locked(trial_lock(folder), wait=False):
        assert oracle.create_trial("worker-2").status == "IDLE", "somebody is at it"
    assert oracle.create_trial("worker-2").trial_id == trial.trial_id
    end(oracle, trial, 0.5)
    end(oracle, trial, 0.1)  # the dead one was only slow: what it says comes too late
    assert oracle.trials[trial.trial_id].score == 0.5 and oracle.end_order == [trial.trial_id]
    assert candidate(oracle.create_trial("worker-2").hyperparameters, oracle.search).stage == "final"


def test_a_search_that_gave_up_waits_for_no_dead_worker(tmp_path, monkeypatch):
    monkeypatch.setattr("tuner.oracle._GRACE_SECONDS", 0.0)
    oracle = oracle_in(tmp_path / "s", max_failures=1, control_budgets=())
    lost = oracle.create_trial("worker-1")
    end(oracle, oracle.create_trial("worker-2"), None)
    assert oracle.is_awaited(), "it may come back"
    assert oracle.create_trial("worker-2").status == "STOPPED" and oracle.gave_up
    with locked(trial_lock(oracle._get_trial_dir(lost.trial_id)), wait=False):
        assert oracle.is_awaited(), "it is at it"
    assert not oracle.is_awaited()


def test_failures_in_a_row_end_the_search_and_are_tried_again_by_the_next(tmp_path):
    options = {"trials": 3, "max_failures": 3, "control_budgets": ()}
    oracle = oracle_in(tmp_path / "s", **options)
    scores = iter([None, None, 0.5, 0.5, 0.5, 0.5, None, None, None, 0.5])
    assert len(run_all(oracle, lambda network: next(scores))) == 9 and oracle.gave_up and not oracle.is_finished()
    again = oracle_in(tmp_path / "s", reload=True, **options)
    seen = run_all(again)
    assert not again.gave_up
    failed = [trial_id for trial_id, trial in again.trials.items() if trial.status == "FAILED"]
    assert sorted(failed) == ["0000", "0001"] and len(seen) == 3 + 3 + 4


@pytest.mark.parametrize("failing", ["all", "some"])
def test_a_family_that_only_fails_has_no_full_schedule(tmp_path, failing):
    def score(network):
        return None if network.family == "mobilenet" and (failing == "all" or network.values["residual"] == 0) else 0.5

    oracle = oracle_in(tmp_path / "s", trials=3, max_failures=100)
    finals = {network.family for network in run_all(oracle, score) if network.stage == "final"}
    assert finals == ({"separable"} if failing == "all" else {"separable", "mobilenet"})


def test_the_general_cnn_is_tried_without_and_with_a_dense_layer(tmp_path):
    options = {"families": ("cnn",), "budgets": (5_000, 9_000), "trials": 2, "control_budgets": ()}
    short = [trial for trial in run_all(oracle_in(tmp_path / "s", **options)) if trial.stage == "search"]
    assert sorted((trial.budget, trial.values["dense"]) for trial in short) == [
        (5_000, 0.0), (5_000, 1.0), (9_000, 0.0), (9_000, 1.0),
    ]  # fmt: skip
    assert SearchOptions.trials >= 8


def test_two_searches_write_the_same_trials_other_families_too(tmp_path):
    texts = []
    for name in ("one", "other"):
        run_all(oracle_in(tmp_path / name, families=("cnn",), budgets=(5_000,), trials=1, control_budgets=()))
        texts.append([path.read_text() for path in sorted((tmp_path / name).glob("trial_*/trial.json"))])
    assert texts[0] == texts[1] and len(texts[0]) == 2
    values = json.loads(texts[0][0])["hyperparameters"]["values"]
    assert {name: values[f"separable_{name}"] for name in defaults("separable")} == defaults("separable")
