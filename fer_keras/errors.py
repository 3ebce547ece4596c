"""The one exception that speaks to a user."""


class FerKerasError(ValueError):
    """Bad input, told in one sentence that names the file, the row or the option and what was expected.

    Scripts print the sentence and exit with status 2; see `fer_keras.__main__.run`.
    """
