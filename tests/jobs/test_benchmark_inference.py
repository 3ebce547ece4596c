"""Each file answers in a process of its own, is timed in turn, and scores what it scores elsewhere."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command import run

from fer_keras.data.synthetic import drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import evaluate
from fer_keras.evaluation.inference_figure import inference_figure
from fer_keras.export import runtimes
from fer_keras.export.formats import FORMATS
from fer_keras.jobs import benchmark_inference as bench
from fer_keras.jobs import timed_files
from fer_keras.models import build
from fer_keras.models.load import load_model, model_names


@pytest.fixture(scope="module")
def results(exported):
    folder, _, _ = exported
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "fer_files", lambda scratch: [])  # whether the baseline is installed here or not
        patch.setattr(bench, "_SECONDS", 0.02)
        return bench.benchmark_inference([folder], drawn_faces(400, seed=5), rounds=1)


def test_every_format_has_a_row_with_the_kept_files_bytes(exported, results):
    folder, exports, _ = exported
    ours = results[results["model"] == folder.name].set_index("format")
    assert list(ours.index) == list(timed_files.format_titles())
    assert ours.loc["keras", "bytes"] == (folder / "model.keras").stat().st_size
    for export, facts in exports["formats"].items():
        if not FORMATS[export].same_as:
            assert ours.loc[export, "bytes"] == facts["bytes"]
    assert (ours["parameters"] == 93_139).all()
    assert ours.loc["litert_float32", "runtime"].startswith("ai-edge-litert ")


def test_accuracy_is_that_of_evaluate(exported, results):
    data = drawn_faces(400, seed=5)
    split = results["split"].iloc[0]
    scored = evaluate(load_model(exported[0]), data, splits=[split]).splits[split].all
    floats = results[results["format"].isin(["keras", "saved_model", "litert_float32", "onnx"])]
    assert (results["images"] == scored.count).all()
    assert floats["accuracy"].to_numpy() == pytest.approx(scored.accuracy, abs=1e-6)
    assert floats["macro_f1"].to_numpy() == pytest.approx(scored.macro_f1, abs=1e-6)


def test_processes_have_memories_of_their_own(results):
    memory = results.set_index("format")["peak_memory"]
    assert 20e6 < memory["litert_float32"] < memory["keras"]  # TensorFlow is in the one and not in the other


def test_formats_that_are_not_kept_are_made_elsewhere(tmp_path, capsys):
    folder = tmp_path / "bare"
    folder.mkdir()
    build("cnn", widths=(4,), dense_widths=()).save(folder / "model.keras")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    files = bench.our_files(folder / "model.keras", "bare", None, scratch)
    assert [file.runtime for file in files] == list(timed_files.format_titles())
    assert all(file.path.parent == scratch for file in files[1:])
    assert [path.name for path in folder.iterdir()] == ["model.keras"]
    assert "bare: LiteRT int8 is made for the occasion" in capsys.readouterr().out


def test_the_fastest_round_counts():
    class Slow:
        file = timed_files.TimedFile("m", "onnx", Path("m.onnx"), 1)

        def __init__(self):
            self.seconds = iter([9.0, 9.0, 2.0, 4.0, 1.0, 8.0, 3.0, 2.0])  # warm-up, then three rounds of both batches

        def ask(self, **request):
            return {"calls": 10, "seconds": (spent := next(self.seconds)), "cpu_seconds": 2 * spent, "peak_memory": 7}

    (timings,) = bench._rounds([Slow()], {None: "faces.npy"}, 3)
    assert timings["milliseconds"] == 100.0 and timings["milliseconds_median"] == 200.0
    assert timings["images_per_cpu_second"] == 5.0  # 1 face x 10 calls in 2 CPU seconds
    assert timings["images_per_cpu_second_batch_64"] == 160.0  # 64 x 10 in 4


def test_models_of_one_name_are_kept_apart(tmp_path):
    class Fixed:
        file = timed_files.TimedFile("m", "onnx", Path("m.onnx"), 1)

        def __init__(self, seconds):
            self.reply = {"calls": 1, "seconds": seconds, "cpu_seconds": seconds, "peak_memory": 7}

        def ask(self, **request):
            return self.reply

    timings = bench._rounds([Fixed(seconds) for seconds in (3.0, 1.0, 2.0)], {None: "faces.npy"}, 4)
    assert [timing["milliseconds"] for timing in timings] == [3000.0, 1000.0, 2000.0]
    files = [tmp_path / folder / "model.keras" for folder in ("one/m", "two/m", "two/n")]
    assert model_names(files) == [str(files[0]), str(files[1]), "n"]


def test_a_batch_is_full_though_the_faces_are_few(tmp_path):
    faces = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 48, 48, 1), np.uint8)
    files = bench._pixel_files([timed_files.TimedFile("m", "onnx", Path("m.onnx"), 1)], faces, tmp_path)
    faces_in_file = np.load(files[None])
    assert len(faces_in_file) == 64 and faces_in_file[:, 0, 0, 0].tolist() == [*range(5)] * 12 + [0, 1, 2, 3]


def test_timing_counts_the_calls():
    calls = []
    facts = runtimes.timed(lambda images: calls.append(len(images)), np.zeros((3, 48, 48, 1), np.uint8), 0.01)
    assert len(calls) == facts["calls"] + 1 and set(calls) == {3} and facts["seconds"] >= 0.01


def test_outputs_that_are_probabilities_stay():
    shares = np.array([[0.1, 0.2, 0.7], [1.0, 0.0, 0.0]], np.float32)
    assert runtimes.probabilities(shares) is shares
    assert runtimes.probabilities(np.zeros((1, 4), np.float32)).tolist() == [[0.25] * 4]


def test_a_file_that_its_runtime_cannot_use_is_named(tmp_path):
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"nothing")
    with pytest.raises(FerKerasError, match=r"m, ONNX Runtime: its runtime cannot use .*model\.onnx"):
        timed_files.Process(timed_files.TimedFile("m", "onnx", broken, 1))


def test_the_table_and_the_figure_show_every_row(results, tmp_path):
    lines = bench.inference_table(results).splitlines()
    assert len(lines) == len(results) + 2
    first = results.iloc[0]
    assert lines[2].split("|")[2].strip() == f"{first['bytes'] / 1e3:,.0f}"
    figure = inference_figure(results, timed_files.format_titles(), timed_files.format_colours(), "test")
    (ax,) = figure.axes
    assert len(ax.collections) == len(results) and ax.get_xscale() == "log"


def test_the_script_writes_what_was_measured(results, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(bench, "benchmark_inference", lambda *args: asked.append(args) or results)
    words = ("inference", "--rounds", "2", "--to", tmp_path)
    assert run("benchmark.py", *words)[::2] == (2, "error: inference: expected --models\n")
    status, said, _ = run("benchmark.py", *words, "--models", "a", "b/c")
    assert asked == [([Path("a"), Path("b/c")], None, 2)]
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "inference.csv"), results.reset_index(drop=True))
    assert (tmp_path / "inference.png").stat().st_size > 10_000
    assert status == 0 and bench.inference_table(results) in said
