"""The crop's measurement: a row for each turn and levelling, by the numbers of the faces found."""

import csv

import numpy as np
from command import ROOT, run
from face_files import write_fer2013
from PIL import Image

from fer_keras.faces.crop import Crop
from fer_keras.faces.framing import FramedFace
from fer_keras.jobs.measure_crop import Sample, crop_errors

MODEL = str(ROOT / "saved_models" / "separable-25k")


def test_errors_are_in_sides_of_the_true_crop():
    sample = Sample(FramedFace(Image.new("L", (9, 9)), Crop(100.0, 100.0, 50.0)), None)
    errors = crop_errors([sample, sample], [Crop(103.0, 104.0, 55.0), None])
    np.testing.assert_allclose(errors, [[1.1, 0.1]])


def test_drawn_faces_are_found_and_hardly_lose_by_it(faces, tmp_path):
    data = write_fer2013(tmp_path / "fer2013.csv", faces)
    ended = run("measure_crop.py", MODEL, "--data", data, "--images", 40, "--to", tmp_path)
    rows = list(csv.DictReader((tmp_path / "crop.csv").read_text().splitlines()))
    assert ended.status == 0, ended.err
    assert [(row["turned_up_to"], row["levelled"]) for row in rows] == [
        (turn, levelled) for turn in ("0.0", "30.0") for levelled in ("never", "to 10 degrees", "always")
    ]
    for row in rows:
        assert row["images"] == "40" and float(row["found"]) >= 0.9 and 0.7 < float(row["side_median"]) < 1.3
        lost = 100 * (float(row["accuracy_original"]) - float(row["accuracy_found"]))
        assert abs(float(row["points_lost"]) - lost) < 0.02
