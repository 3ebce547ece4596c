"""The wheel as somebody has it who is far from any checkout: what is in it, what it asks for, what it answers."""

import configparser
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.metadata import distribution

import numpy as np
import pytest
import yaml
from command import ROOT
from packaging.requirements import Requirement
from packaging.version import Version
from PIL import Image

import fer_keras
from fer_keras import DEFAULT_MODEL, TINY_MODEL
from fer_keras.cards.sample import sample_faces
from fer_keras.errors import FerKerasError
from fer_keras.export.archive import ARCHIVE, read_archive

SOURCES = ("fer_keras", "tuner", "setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
INSTALL_REQUIRES = SETUP["options"]["install_requires"].split("\n")[1:]
MOST_BYTES = 1_500_000
"""Of a wheel."""
SAMPLE = np.array(json.loads((ROOT / "saved_models" / DEFAULT_MODEL / "sample.json").read_text())["logits"])
"""The published logits of the default model."""
TRAINING = {
    "distill": [], "train-teacher": [], "cache-logits": ["t"], "search": ["--teacher", "t"], "frontier": ["f"],
    "evaluate": [TINY_MODEL], "export": [TINY_MODEL], "ablate": ["--teacher", "t", "--assistant", "t"],
    "accelerate": [], "ship-ensemble": ["t", "t"],
}  # fmt: skip


def pip(*words):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # which pip would look at
    subprocess.run([sys.executable, "-m", "pip", "-q", *map(str, words)], check=True, cwd="/", env=environment)


def build_wheel(source, target):
    pip("wheel", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", target, source)
    (wheel,) = target.glob("*.whl")
    return wheel


def names_in(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return sorted(archive.namelist())


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """What the build reads, without the checkout's own build folders."""
    folder = tmp_path_factory.mktemp("checkout") / "fer_keras"
    folder.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, folder / name)
    for model in (DEFAULT_MODEL, TINY_MODEL):
        shutil.copytree(ROOT / "saved_models" / model, folder / "saved_models" / model)
    return folder


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory):
    return build_wheel(checkout, tmp_path_factory.mktemp("wheel"))


def asked_for(lines, **where):
    """The names that requirements ask for here, or elsewhere, without extras."""
    found = [Requirement(line) for line in lines]
    return [r.name for r in found if r.marker is None or r.marker.evaluate({"extra": "", **where})]


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A fresh environment with the wheel and what it asks for, nothing else; there is no fcntl, as on Windows."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip("--python", python, "install", "--no-deps", "--no-index", wheel)
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "sitecustomize.py").write_text("import sys\nsys.modules['fcntl'] = None\n")
    metadata = next(site.glob("fer_keras-*.dist-info")) / "METADATA"
    lines = [line.partition(": ")[2] for line in metadata.read_text().splitlines() if line.startswith("Requires-Dist:")]
    wanted = asked_for(lines)
    seen = set()
    while wanted:
        package = distribution(wanted.pop())
        if package.name not in seen:
            seen.add(package.name)
            wanted += asked_for(package.requires or ())
            for top in {file.parts[0] for file in package.files if file.parts[0] != ".."}:
                if not (site / top).exists():
                    (site / top).symlink_to(package.locate_file(top))
    assert not {"tensorflow", "keras", "pandas", "matplotlib", "filelock"} & {path.name for path in site.iterdir()}
    return folder


@pytest.fixture
def run(environment, tmp_path):
    """A command of the environment in an empty folder: words -> what it printed."""

    def run(*words, status=0):
        words = [environment / "bin" / words[0], *words[1:]]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env={"HOME": str(tmp_path)})
        assert done.returncode == status, done.stderr
        return done.stdout if not status else done.stderr

    return run


@pytest.fixture
def face(tmp_path):
    """A published face as a file in the folder in which commands run."""
    Image.fromarray(sample_faces()[2, ..., 0]).save(tmp_path / "face.png")
    return tmp_path / "face.png"


def softmax(logits):
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


def test_the_wheel_holds_two_models_whole_and_is_small(wheel, tmp_path):
    assert wheel.stat().st_size <= MOST_BYTES
    with zipfile.ZipFile(wheel) as archive:
        models = [name for name in archive.namelist() if name.startswith("fer_keras/saved_models/")]
        assert {name.split("/")[2] for name in models} == {DEFAULT_MODEL, TINY_MODEL} and len(models) == 8
        for name in models:
            original = ROOT / name.removeprefix("fer_keras/")
            if original.name == ARCHIVE:
                archive.extract(name, tmp_path)
                exports = read_archive((tmp_path / name).parent)
                assert exports == {file: original.with_name(file).read_bytes() for file in exports}
                assert "model.onnx" in exports and len(exports) == 2
            else:
                assert archive.read(name) == original.read_bytes()
        assert {"fer_keras/py.typed", "fer_keras/data/ferplus_votes.npz.xz"} <= {*archive.namelist()}


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: bytes(len(data)), lambda data: b""]
)
def test_a_damaged_archive_is_a_sentence(wheel, tmp_path, damage):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "fer_keras" / "saved_models" / TINY_MODEL
    (folder / ARCHIVE).write_bytes(damage((folder / ARCHIVE).read_bytes()))
    with pytest.raises(FerKerasError, match=f"{ARCHIVE}: damaged, expected the exported files of a model"):
        fer_keras.load(folder)


def test_a_source_distribution_makes_the_same_wheel(checkout, wheel, tmp_path):
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=checkout, capture_output=True)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    assert names_in(build_wheel(tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path)) == names_in(wheel)


def test_an_editable_installation_copies_no_model(checkout, tmp_path):
    code = f"from setuptools import build_meta; build_meta.build_editable({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=checkout, capture_output=True)
    (editable,) = tmp_path.glob("*.whl")
    assert not [name for name in names_in(editable) if "saved_models" in name]


@pytest.mark.parametrize(
    ("system", "machine", "runtime"),
    [
        ("linux", "x86_64", "ai-edge-litert"),
        ("linux", "aarch64", "ai-edge-litert"),
        ("darwin", "arm64", "ai-edge-litert"),
        ("darwin", "x86_64", "onnxruntime"),
        ("win32", "AMD64", "ai-edge-litert"),
        ("win32", "ARM64", "onnxruntime"),
    ],
)
def test_it_asks_for_numpy_pillow_and_the_runtime_that_has_wheels_there(system, machine, runtime):
    names = asked_for(INSTALL_REQUIRES, sys_platform=system, platform_machine=machine)
    assert {*names} - {"backports-strenum"} == {"numpy", "pillow", runtime}


def test_python_answers_without_tensorflow_keras_or_fcntl(run, face):
    code = (
        "import sys, json, fer_keras\n"
        "assert 'numpy' not in sys.modules\n"
        "classifier = fer_keras.load()\n"
        "answers = classifier.predict('face.png')\n"
        "assert not {'tensorflow', 'keras', 'filelock', 'pandas'} & set(sys.modules)\n"
        "print(json.dumps([classifier.runtime, str(classifier.file), fer_keras.list_models(), answers.to_records()]))"
    )
    runtime, file, models, (answer,) = json.loads(run("python", "-c", code))
    assert (runtime, models) == ("litert", [TINY_MODEL, DEFAULT_MODEL]) and "site-packages" in file
    assert (answer["image"], answer["calibrated"]) == ("face.png", True)
    np.testing.assert_allclose([*answer["probabilities"].values()], softmax(SAMPLE[2]), atol=1e-5)


def test_the_command_answers_too(run, face):
    (row,) = json.loads(run("fer-keras", "predict", "face.png", "--json"))
    np.testing.assert_allclose([*row["probabilities"].values()], softmax(SAMPLE[2]), atol=1e-5)
    (tiny,) = json.loads(run("fer-keras", "predict", TINY_MODEL, "face.png", "--json"))
    assert tiny["calibrated"] and tiny["probabilities"] != row["probabilities"]


def test_onnx_runtime_alone_gives_the_same(wheel, tmp_path, face):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import sys, json\n"
        "sys.modules.update(dict.fromkeys(('ai_edge_litert', 'tensorflow', 'keras', 'fcntl')))\n"
        f"sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import fer_keras\n"
        "for name in fer_keras.list_models():\n"
        "    classifier = fer_keras.load(name)\n"
        "    print(json.dumps([classifier.runtime, classifier.predict('face.png').to_records()]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (tiny, _), (default, (answer,)) = map(json.loads, done.stdout.splitlines())
    assert tiny == default == "onnx"
    np.testing.assert_allclose([*answer["probabilities"].values()], softmax(SAMPLE[2]), atol=1e-5)


@pytest.mark.parametrize("command", TRAINING)
def test_a_command_that_trains_says_how_it_is_installed(run, command):
    said = run("fer-keras", command, *TRAINING[command], status=2)
    extra = "accelerator" if command == "accelerate" else "train"
    assert said.count("\n") == 1 and said.endswith(f"pip install 'fer_keras[{extra}]'\n"), said


def test_all_commands_explain_themselves_without_what_trains(run):
    commands = [line.split()[0] for line in run("fer-keras", "--help").splitlines() if line.startswith("  ")]
    assert "distill" in commands and "predict" in commands
    for command in commands:
        assert run("fer-keras", command, "--help").startswith(f"usage: fer-keras {command}")


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (fer_keras.__version__, SETUP["metadata"]["license"])


def required_by(extra):
    """Everything an extra asks for, through extras of our own too."""
    for line in SETUP["options.extras_require"][extra].split("\n")[1:]:
        required = Requirement(line)
        if required.name == "fer_keras":
            for inner in required.extras:
                yield from required_by(inner)
        else:
            yield required


def test_the_lock_is_in_step_with_setup_cfg():
    pins = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            name, _, version = line.removesuffix(" \\").partition("==")
            pins.setdefault(name.lower().replace("_", "-").replace(".", "-"), []).append(version.split()[0])
    wanted = [*required_by("dev"), *map(Requirement, INSTALL_REQUIRES)]
    assert len(wanted) > 25
    for required in wanted:
        name = required.name.lower().replace("_", "-").replace(".", "-")
        assert any(Version(version) in required.specifier for version in pins.get(name, [])), required
