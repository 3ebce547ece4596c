"""FER2013's CSVs: `fer2013.csv` (`emotion,pixels,Usage`), `icml_face_data.csv` (`emotion, Usage, pixels`)."""

from fer_keras.data.csv_rows import CsvTable, FaceRows
from fer_keras.data.dataset import SPLIT_OF_USAGE, FaceData

COLUMNS = ("emotion", "pixels", "usage")


def read_fer2013_csv(table: CsvTable, source: str) -> FaceData:
    """Read all three splits.

    The rows have no names of their own: a row's id is its Usage and its line in the file, the header
    being line 1, so `Training_00000017` is on line 17. It is not the archive's image of a like name.

    Raises:
        FerKerasError: a row's emotion, pixels or Usage is not what FER2013 has, or there are no rows.
    """
    faces = FaceRows()
    for row in table.rows():
        usage = row.text("usage")
        if usage not in SPLIT_OF_USAGE:
            raise row.fail(f"Usage {usage[:20]!r}, expected one of {', '.join(SPLIT_OF_USAGE)}")
        name = f"{usage}_{row.line:08d}"
        faces.add(row.pixels("pixels"), row.label("emotion"), name, SPLIT_OF_USAGE[usage])
    return faces.faces(source)
