"""Build the page: python web/build.py [DIST], about 20 s; `make page` does it after `npm ci --prefix web`.

DIST (default: web/dist) becomes a folder that any static server can serve. What the package knows, it tells the page
in constants.json: how faces are found, cropped and followed, and which models there are.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import zstandard

from fer_keras import DEFAULT_MODEL, TINY_MODEL
from fer_keras.data.image import MAX_IMAGE_PIXELS
from fer_keras.errors import FerKerasError
from fer_keras.faces import boxes, crop, detector, drawing, finder, network_files, photo, smoothing, tracking
from fer_keras.files import CALIBRATION_FILE, read_json
from fer_keras.labels import FER2013, FERPLUS, KNOWN, label_set_of

WEB = Path(__file__).parent
SAVED_MODELS = WEB.parent / "saved_models"
MODELS = {DEFAULT_MODEL: "default", TINY_MODEL: "tiny", "crowd-93k": "", "crowd-25k": "tiny"}
"""Name -> what the page adds to it. Those that are in saved_models/ are offered; the first is chosen at the start."""

_LEARNED = {
    FER2013: (
        "as the pictures are labelled (FER2013)",
        "whose labels people themselves agree with on about two thirds",
    ),
    FERPLUS: ("as most of ten people see them (FER+)", "those on which most of ten people agree"),
}
"""Label set -> what its expressions are, and what is to be known of the images that a model of it was tested on."""

_VENDORED = {
    "@litertjs/core/dist/index.js": "litert.js",
    "@litertjs/wasm-utils/dist/index.js": "wasm-utils.js",
    "fzstd/esm/index.mjs": "fzstd.js",
    "@litertjs/core/wasm/litert_wasm_compat_internal.js": "litert_wasm_compat_internal.js",
    "@litertjs/core/wasm/litert_wasm_compat_internal.wasm": "litert_wasm_compat_internal.wasm.zst",
}
"""Of LiteRT's builds, the one that needs nothing newer than SIMD: Safari has no relaxed SIMD."""

_CHANGES = {
    # No import map, which the Content-Security-Policy would have to allow, and no bundler.
    '"@litertjs/wasm-utils"': '"./wasm-utils.js"',
    # All runs on the CPU: no GPU is to be woken.
    "await Environment.create()\n": "await Environment.create({ webGpuDevice: null })\n",
}
"""In LiteRT's code."""

_ZSTD_LEVEL = 22
_MADE_OF = (".tflite", ".json")


def build(dist: Path) -> None:
    """Write the whole page to `dist`, in the place of what is there.

    Args:
        dist: the folder.
    """
    with tempfile.TemporaryDirectory(dir=dist.parent, prefix=".dist-") as scratch:
        new = Path(scratch, "new")
        shutil.copytree(WEB / "src", new)
        parts = new / "parts"
        parts.mkdir()
        for name in ("js", "style.css"):
            (new / name).rename(parts / name)
        _vendor(parts / "vendor")
        constants = {
            "photos": {"most_pixels": photo.MAX_PHOTO_PIXELS, "halved_from": MAX_IMAGE_PIXELS},
            "class_colours": _class_colours(),
            "faces": _faces(parts),
            "models": add_models(parts, SAVED_MODELS, MODELS),
        }
        (parts / "constants.json").write_text(json.dumps(constants, indent=1) + "\n", encoding="utf-8")
        _name_build(new, parts)
        if dist.exists():
            dist.rename(Path(scratch, "old"))
        new.rename(dist)


def is_current(dist: Path) -> bool:
    """Say whether `dist` was built after the last change of what it is made of."""
    made = dist / "sw.js"
    faces = Path(detector.__file__).parent.glob("*.py")
    sources = [Path(__file__), WEB / "package-lock.json", *(WEB / "src").rglob("*"), *faces]
    sources += [file for name in MODELS for file in (SAVED_MODELS / name).glob("*") if file.suffix in _MADE_OF]
    return made.exists() and made.stat().st_mtime > max(source.stat().st_mtime for source in sources)


def _vendor(folder: Path) -> None:
    folder.mkdir()
    for source, name in _VENDORED.items():
        _copy(WEB / "node_modules" / source, folder / name)
    core = (folder / "litert.js").read_text(encoding="utf-8")
    for old, new in _CHANGES.items():
        if core.count(old) != 1:
            raise FerKerasError(f"litert.js: {core.count(old)} places with {old}, expected one to change")
        core = core.replace(old, new)
    (folder / "litert.js").write_text(core, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    data = source.read_bytes()
    if target.suffix == ".zst":
        data = packed(data)
    elif target.suffix == ".js":  # source maps stay behind
        data = b"\n".join(line for line in data.split(b"\n") if not line.startswith(b"//# sourceMappingURL="))
    target.write_bytes(data)


def packed(data: bytes, width: int = 1) -> bytes:
    """Return a file as zstd.

    Args:
        data: the file.
        width: of the numbers that it mostly holds, in bytes. Of wide ones first bytes come first, then second ones and
            so on: the last, in which sign and exponent are, are alike and take little space.
    """
    data += bytes(-len(data) % width)  # a LiteRT file may end with them
    data = b"".join(data[start::width] for start in range(width))
    options = zstandard.ZstdCompressionParameters.from_level(_ZSTD_LEVEL, source_size=len(data))
    return zstandard.ZstdCompressor(compression_params=options).compress(data)


def _faces(dist: Path) -> dict[str, Any]:
    folder = dist / "models"
    folder.mkdir()
    networks = {}
    for name, network in detector.NETWORKS.items():
        file = f"models/{network.file}.2.zst"  # its numbers have 16 bits
        (dist / file).write_bytes(packed(network_files.read_network(network.file), width=2))
        networks[name] = {"file": file, "side": network.side, "grid": [*network.grid.items()]}
    return {
        "networks": networks,
        "key_points": detector.KEY_POINTS,
        "min_score": detector.MIN_SCORE,
        "same_face": boxes.SAME_FACE,
        "reducing_gap": detector.REDUCING_GAP,
        "tiles": {
            "from": finder.TILED_FROM,
            "detail": finder.DETAIL,
            "side": finder.TILE,
            "overlap": finder.OVERLAP,
        },
        "finders": {
            kind: {"networks": networks, "tiles": kind == "photo"} for kind, networks in finder.NETWORKS_FOR.items()
        },
        "following": {
            "patience": tracking.PATIENCE,
            "least_overlap": tracking.LEAST_OVERLAP,
            "steady": tracking.STEADY,
            "same_face": boxes.SAME_FACE,
            "time_constant": smoothing.TIME_CONSTANT,
            "forget": smoothing.FORGET,
        },
        "colours": drawing.COLOURS,
        "crop": {"side": crop.SIDE, "down": crop.DOWN, "up": crop.UP, "level_to": crop.LEVEL_TO, "scales": crop.SCALES},
    }


def add_models(dist: Path, folder: Path, names: dict[str, str]) -> list[dict[str, Any]]:
    """Write to a page the models that lie in a folder; return what constants.json says of them.

    Args:
        dist: the page.
        folder: with a folder for each model, as saved_models/.
        names: as `MODELS`.
    """
    models = []
    for name, title in names.items():
        if not (folder / name / "card.json").exists():
            continue
        files = {}
        for precision in ("float32", "int8"):
            files[precision] = f"models/{name}_{precision}.tflite.4.zst"
            (dist / files[precision]).write_bytes(packed(_single(folder / name, precision), width=4))
        models.append({"name": name, "title": title, "files": files, **_facts(read_json(folder / name / "card.json"))})
    return models


def _facts(card: dict[str, Any]) -> dict[str, Any]:
    """What the page says of a model, out of its card."""
    label_set = label_set_of(card["classes"])
    expressions, tested = _LEARNED.get(label_set, ("of its own data", "like those that it learned"))
    return {
        "group": f"{len(label_set)} expressions, {expressions}",
        "parameters": card["size"]["parameters"],
        "accuracy": card["scores"]["splits"]["public_test"]["all"]["accuracy"],  # of the split that models report
        "tested": tested,
    }


def _single(folder: Path, precision: str) -> bytes:
    """A model's LiteRT file for one face a call, that says its classes and its temperature.

    Where it was exported before such files were, it is made of the file for any number of faces.
    """
    ready = folder / f"model_{precision}_1.tflite"
    if ready.exists():
        return ready.read_bytes()
    from fer_keras.export.flatbuffer import read, with_metadata, write  # of TensorFlow, which takes seconds to start

    model = read((folder / f"model_{precision}.tflite").read_bytes())
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        tensor.shapeSignature = None  # LiteRT.js takes no file that leaves the batch open
    facts = {
        "classes": list(label_set_of(read_json(folder / "card.json")["classes"]).classes),
        "temperature": read_json(folder / CALIBRATION_FILE)["temperature"],
    }
    return with_metadata(write(model), "fer_keras.json", json.dumps(facts).encode())


def _name_build(dist: Path, parts: Path) -> None:
    """Name the folder of all that index.html is made of after its contents, and tell index.html and the service worker.

    So no window, no cache and no host ever mixes the files of two builds.
    """
    digest = hashlib.sha256()
    for file in _files(dist):
        digest.update(file.encode() + (dist / file).read_bytes())
    name = digest.hexdigest()[:16]
    parts.rename(dist / name)
    index, worker = dist / "index.html", dist / "sw.js"
    index.write_text(index.read_text(encoding="utf-8").replace("BUILD/", f"{name}/"), encoding="utf-8")
    listed = [file for file in _files(dist) if file != worker.name]
    code = worker.read_text(encoding="utf-8")
    worker.write_text(
        f"const BUILD = {json.dumps(name)};\nconst FILES = {json.dumps(listed)};\n{code}", encoding="utf-8"
    )


def _files(dist: Path) -> list[str]:
    return sorted(path.relative_to(dist).as_posix() for path in dist.rglob("*") if path.is_file())


def _class_colours() -> dict[str, int]:
    """Class of a known label set -> the number of its colour; the same expression has the same in all sets."""
    colours: dict[str, int] = {}
    for name in (name for known in KNOWN for name in known.classes):
        same = FER2013.number(name)
        colours.setdefault(name, len(set(colours.values())) if same is None else same)
    return colours


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else WEB / "dist")
