"""The one exception that speaks to a user."""


class FerKerasError(ValueError):
    """Bad input, told in one sentence that names the file, the row or the option and what was expected.

    It is one line, however many the words have that another library gave, and its middle is left out where a file's
    content made it longer than anybody reads. Scripts print it and exit with status 2; see `fer_keras.endings.run`.
    """

    def __init__(self, sentence: object = "") -> None:
        text = str(sentence).replace("\n", " ")
        super().__init__(text if len(text) <= _LONGEST else f"{text[:1000]} ... {text[-400:]}")


_LONGEST = 1500
"""Characters of a sentence."""


_EXTRAS = {
    "av": "video",
    "matplotlib": "plot",
    "jax": "accelerator",
    "kagglehub": "kaggle",
    "onnxruntime": "onnx",
    "grpc": "serving",
    "tensorflow_serving": "serving",
    "flatbuffers": "export",
    "onnx": "export",
    "tf2onnx": "export",
}
"""What installs a module; all others that a command may lack are there to train."""


def not_installed(error: ImportError) -> FerKerasError:
    """Return the sentence that says how the module is installed that could not be imported."""
    module = (error.name or "").partition(".")[0]
    if module in ("torch", "openvino"):  # Keras's, by the user's keras.json
        return FerKerasError(f"Keras computes with {module}, expected KERAS_BACKEND=tensorflow, or jax")
    extra = _EXTRAS.get(module, "train")
    return FerKerasError(f"{module or error} is not installed: pip install 'fer_keras[{extra}]'")
