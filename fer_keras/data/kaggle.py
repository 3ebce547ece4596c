"""FER2013 from Kaggle, through the extra `kagglehub`."""

from pathlib import Path

from fer_keras.data.archive import printable
from fer_keras.errors import FerKerasError

KAGGLE = "kaggle"
"""What stands for Kaggle's copy where a script asks for a path."""

DATASET = "msambare/fer2013"


def resolve_data(option: str) -> Path:
    """Return the path that a script's data option means.

    `kaggle` means FER2013, which is downloaded, 60 MB; kagglehub keeps it, so later calls are quick.

    Raises:
        FerKerasError: the option is empty, kagglehub is not installed, or the download fails.
    """
    if not option:
        raise FerKerasError("the path of the data is empty, expected a zip, a folder, a CSV or 'kaggle'")
    if option != KAGGLE:
        return Path(option)
    try:
        import kagglehub

        return Path(kagglehub.dataset_download(DATASET))
    except ImportError as error:
        how = "the package kagglehub is not installed; pip install 'fer_keras[kaggle]'"
        raise FerKerasError(f"kaggle: {how}") from error
    except Exception as error:  # of many libraries; to a user they all mean that there is no download
        reason = printable(" ".join(str(error).split()) or type(error).__name__)
        how = f"cannot download {DATASET}; download it by hand and give its path ({reason})"
        raise FerKerasError(f"kaggle: {how}") from error
