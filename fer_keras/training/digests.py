"""Whether a checkpoint is as it was written: a disk may damage it."""

from pathlib import Path

from fer_keras.errors import FerKerasError
from fer_keras.files import MODEL_FILE, file_sha256, read_json, write_json
from fer_keras.training.progress import PROGRESS_FILE

DIGESTS_FILE = "digests.json"
"""In the folder of a checkpoint: the name of each other file -> its SHA-256."""


def write_digests(folder: Path) -> None:
    """Write down the SHA-256 of each file of a checkpoint, so that damage to one is found when it is read."""
    digests = {file.name: file_sha256(file) for file in sorted(folder.iterdir()) if file.name != DIGESTS_FILE}
    write_json(folder / DIGESTS_FILE, digests)


def find_damage(folder: Path) -> tuple[Path, str] | None:
    """Return a file of a checkpoint that is not as it was written, and what is wrong with it; None if all are."""
    try:
        digests = read_json(folder / DIGESTS_FILE)
    except FerKerasError as error:
        return folder / DIGESTS_FILE, str(error).removeprefix(f"{folder / DIGESTS_FILE}: ")
    if not isinstance(digests, dict) or not {MODEL_FILE, PROGRESS_FILE} <= digests.keys():
        return folder / DIGESTS_FILE, f"expected an object with {MODEL_FILE} and {PROGRESS_FILE}"
    for name, digest in digests.items():
        try:
            if file_sha256(folder / name) != digest:
                return folder / name, "its SHA-256 is another than when it was written"
        except (OSError, ValueError) as error:  # the latter of what can be no name
            return folder / name, getattr(error, "strerror", None) or str(error)
    return None
