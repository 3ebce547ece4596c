"""What speaks to a user is a line that somebody can read."""

import pytest

from fer_keras.errors import FerKerasError, not_installed


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("onnxruntime.capi", "onnxruntime is not installed: pip install 'fer_keras[onnx]'"),
        ("keras", "keras is not installed: pip install 'fer_keras[train]'"),
        ("torch", "Keras computes with torch, expected KERAS_BACKEND=tensorflow, or jax"),
    ],
)
def test_what_is_missing_is_named_with_what_installs_it(module, sentence):
    assert str(not_installed(ModuleNotFoundError(f"No module named '{module}'", name=module))) == sentence


def test_a_sentence_is_one_line_whatever_a_library_said():
    assert (
        str(FerKerasError("a.csv: no (Expected 21 fields\nin line 42)\n"))
        == "a.csv: no (Expected 21 fields in line 42) "
    )


def test_what_nobody_reads_is_left_out_of_its_middle():
    said = str(FerKerasError("a.json: views " + "x" * 5000 + ": expected a number"))
    assert said.startswith("a.json: views xxx") and said.endswith("xxx: expected a number")
    assert len(said) == 1405 and str(FerKerasError("x" * 1500)) == "x" * 1500
