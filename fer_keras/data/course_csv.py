"""The course's CSVs: `label,feature` to train on, `id,feature` to predict."""

from fer_keras.data.csv_rows import CsvTable, FaceRows
from fer_keras.data.dataset import FaceData
from fer_keras.labels import UNLABELLED

LABELLED_COLUMNS = ("label", "feature")
UNLABELLED_COLUMNS = ("id", "feature")


def read_labelled_csv(table: CsvTable, source: str) -> FaceData:
    """Read `label,feature`; every row is of the split `train`.

    The rows have no names of their own: `train_00000017` is the id of the row on the file's line 17, the
    header being line 1.

    Raises:
        FerKerasError: a label is none of 0..6, a feature is not 2304 grey values, or there are no rows.
    """
    faces = FaceRows()
    for row in table.rows():
        faces.add(row.pixels("feature"), row.label("label"), f"train_{row.line:08d}", "train")
    return faces.faces(source)


def read_unlabelled_csv(table: CsvTable, source: str) -> FaceData:
    """Read `id,feature`; every row is of the split `test`, has the label -1 and keeps its own id.

    Raises:
        FerKerasError: an id is empty, a feature is not 2304 grey values, or there are no rows.
    """
    faces = FaceRows()
    for row in table.rows():
        if not row.text("id"):
            raise row.fail("the id is empty")
        faces.add(row.pixels("feature"), UNLABELLED, row.text("id"), "test")
    return faces.faces(source)
