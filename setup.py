"""Puts the models that the wheel brings into it, out of saved_models/; all else is said in setup.cfg."""

import itertools
import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).parent.resolve()))

from fer_keras import DEFAULT_MODEL, TINY_MODEL
from fer_keras.export.archive import ARCHIVE, pack

FACTS = ("config.json", "calibration.json", "exports.json")
EXPORTS = {
    DEFAULT_MODEL: ("model_float32.tflite", "model.onnx"),
    TINY_MODEL: ("model_int8.tflite", "model.onnx"),  # in 8 bits it is as accurate, and less than half as large
}


class BuildWithModels(build_py):
    """Lays the models' files into the package; an editable installation finds those of its checkout."""

    def _facts(self) -> dict[str, str]:
        """File in the build folder -> file in the checkout."""
        files = [f"saved_models/{model}/{name}" for model in EXPORTS for name in FACTS]
        return {str(Path(self.build_lib, "fer_keras", file)): file for file in files}

    def _archives(self) -> dict[str, list[str]]:
        """Archive in the build folder -> files in the checkout."""
        folders = {f"saved_models/{model}": names for model, names in EXPORTS.items()}
        return {
            str(Path(self.build_lib, "fer_keras", folder, ARCHIVE)): [f"{folder}/{name}" for name in names]
            for folder, names in folders.items()
        }

    def run(self) -> None:
        """Build the package and add the models."""
        super().run()
        if not self.editable_mode:
            for target, source in self._facts().items():
                self.mkpath(str(Path(target).parent))
                shutil.copyfile(source, target)
            for target, sources in self._archives().items():
                pack(map(Path, sources), Path(target))

    def get_source_files(self) -> list[str]:
        """Return what a source distribution must hold."""
        return [*super().get_source_files(), *self._facts().values(), *itertools.chain(*self._archives().values())]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return what is built."""
        models = () if self.editable_mode else (*self._facts(), *self._archives())
        return [*super().get_outputs(include_bytecode), *models]

    def get_output_mapping(self) -> dict[str, str]:
        """Return what is built -> the one file that it is a copy of."""
        return {**super().get_output_mapping(), **({} if self.editable_mode else self._facts())}


setup(cmdclass={"build_py": BuildWithModels})
