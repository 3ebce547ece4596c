"""Puts the models that the wheel brings into it, out of saved_models/; all else is said in setup.cfg."""

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).parent.resolve()))

from fer_keras import DEFAULT_MODEL, TINY_MODEL

FACTS = ("config.json", "calibration.json", "exports.json")
FILES = {
    DEFAULT_MODEL: ("model_float32.tflite", "model.onnx", *FACTS),
    TINY_MODEL: ("model_int8.tflite", "model.onnx", *FACTS),  # in 8 bits it is as accurate, and less than half as large
}


class BuildWithModels(build_py):
    """Lays the models' files into the package; an editable installation finds those of its checkout."""

    def _models(self) -> dict[str, str]:
        """File in the build folder -> file in the checkout."""
        files = [f"saved_models/{model}/{file}" for model, files in FILES.items() for file in files]
        return {str(Path(self.build_lib, "fer_keras", file)): file for file in files}

    def run(self) -> None:
        """Build the package and add the models."""
        super().run()
        if not self.editable_mode:
            for target, source in self._models().items():
                self.mkpath(str(Path(target).parent))
                shutil.copyfile(source, target)

    def get_source_files(self) -> list[str]:
        """Return what a source distribution must hold."""
        return [*super().get_source_files(), *self._models().values()]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return what is built."""
        return [*super().get_outputs(include_bytecode), *(() if self.editable_mode else self._models())]

    def get_output_mapping(self) -> dict[str, str]:
        """Return what is built -> what of."""
        return {**super().get_output_mapping(), **({} if self.editable_mode else self._models())}


setup(cmdclass={"build_py": BuildWithModels})
