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
from fer_keras.export.flatbuffer import read, with_metadata, write
from fer_keras.faces import boxes, crop, detector, drawing, finder, photo, smoothing, tracking
from fer_keras.files import CALIBRATION_FILE, read_json
from fer_keras.labels import FER2013, KNOWN, label_set_of

WEB = Path(__file__).parent
SAVED_MODELS = WEB.parent / "saved_models"
MODELS = {DEFAULT_MODEL: "default", TINY_MODEL: "tiny"}
"""Name -> what the page calls it; the first is chosen when the page opens."""

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


def build(dist: Path) -> None:
    """Write the whole page to `dist`, in the place of what is there.

    Args:
        dist: the folder.
    """
    with tempfile.TemporaryDirectory(dir=dist.parent, prefix=".dist-") as scratch:
        new = Path(scratch, "new")
        shutil.copytree(WEB / "src", new)
        _vendor(new / "vendor")
        constants = {
            "photos": {"most_pixels": photo.MAX_PHOTO_PIXELS, "halved_from": MAX_IMAGE_PIXELS},
            "class_colours": _class_colours(),
            "faces": _faces(new),
            "models": _models(new),
        }
        (new / "constants.json").write_text(json.dumps(constants, indent=1) + "\n", encoding="utf-8")
        _list_files(new)
        if dist.exists():
            dist.rename(Path(scratch, "old"))
        new.rename(dist)


def is_current(dist: Path) -> bool:
    """Say whether `dist` was built after the last change of what it is made of."""
    made = dist / "sw.js"
    faces = Path(detector.__file__).parent.glob("*.py")
    sources = [Path(__file__), WEB / "package-lock.json", *(WEB / "src").rglob("*"), *faces]
    sources += [file for name in MODELS for file in (SAVED_MODELS / name).glob("*.tflite")]
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
        data = _packed(data)
    elif target.suffix == ".js":  # source maps stay behind
        data = b"\n".join(line for line in data.split(b"\n") if not line.startswith(b"//# sourceMappingURL="))
    target.write_bytes(data)


def _packed(data: bytes) -> bytes:
    options = zstandard.ZstdCompressionParameters.from_level(_ZSTD_LEVEL, source_size=len(data))
    return zstandard.ZstdCompressor(compression_params=options).compress(data)


def _faces(dist: Path) -> dict[str, Any]:
    folder = dist / "models"
    folder.mkdir()
    networks = {}
    for name, network in detector.NETWORKS.items():
        file = f"{network.file}.zst"
        _copy(Path(detector.__file__).with_name("models") / network.file, folder / file)
        networks[name] = {"file": f"models/{file}", "side": network.side, "grid": [*network.grid.items()]}
    return {
        "networks": networks,
        "key_points": detector.KEY_POINTS,
        "min_score": 0.5,
        "same_face": boxes.SAME_FACE,
        "reducing_gap": 2.0,
        "tiles": {
            "from": finder._TILED_FROM,
            "detail": finder._DETAIL,
            "side": finder._TILE,
            "overlap": finder._OVERLAP,
        },
        "finders": {
            "photo": {"networks": ["full", "short"], "tiles": True},
            "video": {"networks": ["full", "short"], "tiles": False},
            "camera": {"networks": ["short"], "tiles": False},
        },
        "following": {
            "patience": tracking.PATIENCE,
            "least_overlap": tracking._LEAST_OVERLAP,
            "steady": tracking._STEADY,
            "same_face": boxes.SAME_FACE,
            "time_constant": 0.5,
            "forget": smoothing._FORGET,
        },
        "colours": drawing.COLOURS,
        "crop": {"side": crop.SIDE, "down": crop.DOWN, "up": crop.UP, "level_to": crop.LEVEL_TO, "scales": crop.SCALES},
    }


def _models(dist: Path) -> list[dict[str, Any]]:
    models = []
    for name, title in MODELS.items():
        folder, files = SAVED_MODELS / name, {}
        for precision in ("float32", "int8"):
            file = f"models/{name}_{precision}.tflite.zst"
            (dist / file).write_bytes(_packed(_single(folder, precision)))
            files[precision] = file
        card = read_json(folder / "card.json")
        facts = {"parameters": card["size"]["parameters"], "accuracy": _accuracy(card)}
        models.append({"name": name, "title": title, "files": files, **facts})
    return models


def _accuracy(card: dict[str, Any]) -> float:
    """Of the split that models are reported on."""
    return card["scores"]["splits"]["public_test"]["all"]["accuracy"]


def _single(folder: Path, precision: str) -> bytes:
    """A model's LiteRT file for one face a call, that says its classes and its temperature.

    Where it was exported before such files were, it is made of the file for any number of faces.
    """
    ready = folder / f"model_{precision}_1.tflite"
    if ready.exists():
        return ready.read_bytes()
    model = read((folder / f"model_{precision}.tflite").read_bytes())
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        tensor.shapeSignature = None  # LiteRT.js takes no file that leaves the batch open
    facts = {
        "classes": list(label_set_of(read_json(folder / "card.json")["classes"]).classes),
        "temperature": read_json(folder / CALIBRATION_FILE)["temperature"],
    }
    return with_metadata(write(model), "fer_keras.json", json.dumps(facts).encode())


def _list_files(dist: Path) -> None:
    """Write for the service worker which files there are, and by what name this build is known."""
    files = sorted(path.relative_to(dist).as_posix() for path in dist.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.encode() + (dist / file).read_bytes())
    worker = (dist / "sw.js").read_text()
    listed = [file for file in files if file != "sw.js"]
    (dist / "sw.js").write_text(
        f"const BUILD = {json.dumps(digest.hexdigest()[:16])};\nconst FILES = {json.dumps(listed)};\n{worker}"
    )


def _class_colours() -> dict[str, int]:
    """Class of a known label set -> the number of its colour; the same expression has the same in all sets."""
    colours: dict[str, int] = {}
    for name in (name for known in KNOWN for name in known.classes):
        same = FER2013.number(name)
        colours.setdefault(name, len(set(colours.values())) if same is None else same)
    return colours


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else WEB / "dist")
