"""Whole inputs of every kind that the package reads, made from drawn faces and a shipped model."""

import io
import json
import os
import random
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import damage
import numpy as np
from face_files import png, write_csv, write_fer2013, write_zip
from PIL import Image

from fer_keras.config import NO_DATA, StudentConfig, to_dict
from fer_keras.data.synthetic import drawn_faces
from fer_keras.data.votes import COLUMNS

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "saved_models" / "separable-25k"
Damage = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True)
class Input:
    """A whole file.

    Attributes:
        name: what it is called, maybe with folders.
        content: its bytes.
        damages: what is done to it, each as often as it is named.
        beside: the folder whose other files lie beside it, or None.
    """

    name: str
    content: bytes
    damages: tuple[Damage, ...] = (damage.of_bytes,)
    beside: Path | None = None

    def lay(self, folder: Path, content: bytes) -> Path:
        """Put `content` in its place into a new folder; return its path."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if self.beside:
            shutil.copytree(self.beside, folder, dirs_exist_ok=True, copy_function=os.link)
        path = folder / self.name
        path.unlink(missing_ok=True)  # else the file beside which it was linked would change
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


JSON = (damage.of_json, damage.of_json, damage.of_json, damage.of_bytes)
ZIP = (damage.of_zip, damage.of_bytes)


def all_inputs(folder: Path) -> dict[str, Input]:
    """Kind -> a whole input; `folder` is for files that are made on the way and that lie beside others."""
    faces = drawn_faces(140, seed=1)
    return {**_data_files(folder, faces), **_pictures(faces), **_model_files(folder), **_run_files(folder)}


def _data_files(folder: Path, faces) -> dict[str, Input]:
    names = [f"{split}/{label}/{n}.png" for split in ("train", "test") for label in ("happy", "sad") for n in range(3)]
    members = {name: png(image[..., 0]) for name, image in zip(names, faces.images, strict=False)}
    members["classes.json"] = b'["happy", "sad"]'
    table = write_fer2013(folder / "a.csv", faces).read_bytes()
    text = table.decode().splitlines()[:8]
    votes = np.eye(len(COLUMNS), dtype=int)[np.arange(len(faces)) % 8] * 6
    rows = [[name, *row] for name, row in zip(faces.ids, votes, strict=True)]
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return {
        "zip": Input("faces.zip", write_zip(folder / "a.zip", members).read_bytes(), ZIP),
        "zipped-csv": Input("faces.zip", write_zip(folder / "b.zip", {"fer2013.csv": table}).read_bytes(), ZIP),
        "tar": Input("faces.tar.gz", tar.getvalue(), (damage.of_tar, damage.of_bytes)),
        "csv": Input("faces.csv", table, (damage.of_csv, damage.of_bytes)),
        "short-csv": Input("faces.csv", "\n".join(text).encode(), (damage.of_csv, damage.of_bytes)),
        "votes-csv": Input(
            "votes.csv", write_csv(folder / "v.csv", ["id", *COLUMNS], rows).read_bytes(),
            (damage.of_csv, damage.of_bytes),
        ),
        "classes": Input("classes.json", members["classes.json"], JSON, _unpacked(folder / "tree", members)),
    }  # fmt: skip


def _unpacked(folder: Path, members: dict[str, bytes]) -> Path:
    for name, data in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def _pictures(faces) -> dict[str, Input]:
    face, pictures = faces.images[0, ..., 0], {}
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"):
        pictures[kind.lower()] = Input(f"face.{kind.lower()}", png(face, kind=kind))
    pictures["colour-jpeg"] = Input("face.jpg", png(np.kron(face, np.ones((4, 4), np.uint8)), "RGB", "JPEG"))
    deep = io.BytesIO()
    Image.fromarray(face.astype(np.uint16) * 257).save(deep, "PNG")
    return {**pictures, "deep-png": Input("face.png", deep.getvalue())}


def _model_files(folder: Path) -> dict[str, Input]:
    beside = folder / "model"
    shutil.copytree(MODEL, beside, ignore=lambda _, names: {"2", "figures", "metrics.csv"} & {*names})
    of = {path.name: path.read_bytes() for path in beside.iterdir()}
    found = {
        "keras": Input("model.keras", of["model.keras"], ZIP),
        "tflite": Input("model.tflite", of["model_float32.tflite"], (damage.of_bytes, damage.flipped)),
        "tflite-int8": Input("model.tflite", of["model_int8.tflite"], (damage.of_bytes, damage.flipped)),
        "tflite-listed": Input("model_float32.tflite", of["model_float32.tflite"], (damage.flipped,), beside),
        "onnx": Input("model.onnx", of["model.onnx"], (damage.of_bytes, damage.flipped)),
    }
    found["card-json"] = Input("card.json", of["card.json"], JSON, beside)
    names = ("exports", "calibration", "sample", "config")
    return found | {name: Input(f"{name}.json", of[f"{name}.json"], JSON, beside) for name in names}


def _run_files(folder: Path) -> dict[str, Input]:
    """What `answers.prepare` has left in `folder`."""
    recipe = json.dumps(to_dict(StudentConfig(NO_DATA, ("a",)))).encode()
    found = {"recipe": Input("config.json", recipe, JSON)}
    run, cache, search = (folder / name for name in ("run", "cache", "search"))
    epoch = max((run / "checkpoint").iterdir()).relative_to(run)
    beside = {
        "progress": (run, epoch / "progress.json", JSON),
        "digests": (run, epoch / "digests.json", JSON),
        "checkpoint": (run, epoch / "model.keras", (damage.of_bytes, damage.flipped)),
        "state": (run, epoch / "state.weights.h5", (damage.of_bytes, damage.flipped)),
        "run-config": (run, Path("config.json"), JSON),
        "history": (run, Path("metrics.csv"), (damage.of_csv, damage.of_bytes)),
        "manifest": (cache, Path("manifest.json"), JSON),
        "shard": (cache, Path("view-00000.npz"), (damage.of_bytes, damage.flipped)),
        "made-shard": (cache, Path("view-00000.npz"), (damage.of_zip,)),
        "settings": (search, Path("search.json"), JSON),
        "oracle": (search, Path("oracle.json"), JSON),
        "trial": (search, Path("trial_0000/trial.json"), JSON),
        "row": (search, Path("trial_0000/row.json"), JSON),
        "ledger": (search, Path("ledger.csv"), (damage.of_csv, damage.of_bytes)),
    }
    for kind, (home, file, damages) in beside.items():
        found[kind] = Input(str(file), (home / file).read_bytes(), damages, home)
    return found
