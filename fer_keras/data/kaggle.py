"""FER2013 from Kaggle, through the extra `kagglehub`."""

from pathlib import Path

from fer_keras.errors import FerKerasError

KAGGLE = "kaggle"
"""What stands for Kaggle's copy where a script asks for a path."""

DATASET = "msambare/fer2013"


def fetch_kaggle() -> Path:
    """Download FER2013, 60 MB, and return its folder; kagglehub keeps it, so later calls are quick.

    Raises:
        FerKerasError: kagglehub is not installed, or the download fails.
    """
    try:
        import kagglehub
    except ImportError as error:
        raise FerKerasError(
            "kaggle: the package kagglehub is not installed; pip install 'fer_keras[kaggle]'"
        ) from error
    try:
        return Path(kagglehub.dataset_download(DATASET))
    except Exception as error:  # of many libraries; to a user they all mean that there is no download
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise FerKerasError(
            f"kaggle: cannot download {DATASET}; download it by hand and give its path ({reason})"
        ) from error


def resolve_data(option: str) -> Path:
    """Return the path that a script's data option means; `kaggle` means `fetch_kaggle()`.

    Raises:
        FerKerasError: the option is empty, or the download fails.
    """
    if not option:
        raise FerKerasError("the path of the data is empty, expected a zip, a folder, a CSV or 'kaggle'")
    return fetch_kaggle() if option == KAGGLE else Path(option)
