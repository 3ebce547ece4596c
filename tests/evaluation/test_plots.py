"""The figures show the numbers they were given."""

import numpy as np
import pandas as pd
from PIL import Image

from fer_keras.data.dataset import FaceData
from fer_keras.evaluation import plots
from fer_keras.labels import FER2013


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_training_curves_draw_each_column_and_mark_the_best_epoch():
    history = pd.DataFrame(
        {
            "epoch": [0, 1, 2], "loss": [2.0, 1.5, 1.2], "val_loss": [2.1, 1.6, 1.7],
            "accuracy": [0.3, 0.5, 0.6], "val_accuracy": [0.3, 0.55, 0.5], "learning_rate": [1e-3, 5e-4, 0.0],
            "agreement": [np.nan] * 3, "seconds": [3.0] * 3,
        }
    )  # fmt: skip
    loss, accuracy, rate = plots.training_curves(history).axes
    assert [ax.get_title() for ax in (loss, accuracy, rate)] == ["Loss", "Accuracy", "Learning rate"]
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    np.testing.assert_array_equal(loss.lines[1].get_xydata(), [[1, 2.1], [2, 1.6], [3, 1.7]])
    assert accuracy.lines[-1].get_label() == "best validation: 55.0%, epoch 2"
    np.testing.assert_array_equal(accuracy.lines[-1].get_xydata(), [[2, 0.55]])
    np.testing.assert_array_equal(rate.lines[0].get_ydata(), [1e-3, 5e-4, 0.0])


def test_training_curves_of_one_column_make_one_panel():
    figure = plots.training_curves(pd.DataFrame({"loss": [1.0, 0.5]}))
    assert len(figure.axes) == 1
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), [1, 2])


def test_confusion_matrix_says_shares_of_the_row_and_counts():
    confusion = np.zeros((7, 7), int)
    confusion[0, 0], confusion[0, 2], confusion[6, 6] = 3, 1, 1234
    ax = plots.confusion_matrix(confusion.astype(np.float32), "drawn", FER2013.classes).axes[0]
    shown = texts(ax)
    assert (shown[0], shown[1]) == ("75%", "3")
    assert (shown[4], shown[5]) == ("25%", "1")
    assert (shown[-2], shown[-1]) == ("100%", "1,234")
    assert shown[14:28] == ["0%", "0"] * 7  # a class without images divides by nothing
    assert ax.get_yticklabels()[6].get_text() == "neutral (1,234)"
    assert ax.get_title() == "drawn"


def test_reliability_diagram_draws_the_bins():
    logits = np.log(np.array([[0.5, *[0.5 / 6] * 6]] * 4))
    upper, lower = plots.reliability_diagram(logits, np.array([0, 0, 0, 1]), "t").axes
    assert [bar.get_height() for bar in upper.patches] == [0.75]
    np.testing.assert_allclose(upper.lines[1].get_xydata(), [[0.5, 0.75]])
    assert [bar.get_height() for bar in lower.patches] == [0.0] * 7 + [1.0] + [0.0] * 7


def test_the_most_confident_mistakes_come_first():
    probabilities = np.full((4, 7), 0.05)
    probabilities[np.arange(4), [1, 1, 2, 0]] = [0.6, 0.9, 0.7, 0.95]
    labels = np.array([0, 0, 0, 0])  # the last one is right
    assert plots.confident_mistakes(probabilities, labels, 9).tolist() == [1, 2, 0]
    assert plots.confident_mistakes(probabilities, labels, 2).tolist() == [1, 2]
    images = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 48, 48, 1), np.uint8)
    data = FaceData.create(images, labels, list("abcd"), ["test"] * 4, "made up")
    figure = plots.mistakes_sheet(data, probabilities, rows=1, columns=4)
    assert [ax.get_title() for ax in figure.axes] == [f"label: {FER2013.classes[0]}"] * 3 + [""]
    assert texts(figure.axes[0]) == ["→ disgust 90%", "b"]
    assert figure.axes[0].images[0].get_array()[0, 0] == 1


def test_a_sheet_without_mistakes():
    data = FaceData.create(np.zeros((1, 48, 48, 1), np.uint8), np.array([0]), ["a"], ["test"], "made up")
    figure = plots.mistakes_sheet(data, np.eye(7)[:1])
    assert figure.get_suptitle() == "No mistakes"


def test_a_montage_keeps_rows_and_columns():
    images = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1) * np.ones((1, 1, 4, 5, 1), np.uint8)
    grid = plots.montage(images)
    assert grid.shape == (2 * 5 - 1, 3 * 6 - 1, 1) and grid.dtype == np.uint8
    assert grid[2::5, 2::6, 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (grid[4] == 255).all() and (grid[:, [5, 11]] == 255).all() and (grid == 255).sum() == 17 + 2 * 8


def test_a_figure_as_pixels_and_as_a_file(tmp_path):
    figure, (ax,) = plots.new_figure(2.2, 1.1)
    ax.imshow(np.full((4, 4), 128), cmap="gray", vmin=0, vmax=255)
    ax.axis("off")
    pixels = plots.figure_to_array(figure)
    assert pixels.dtype == np.uint8 and pixels.shape == (110, 220, 3)
    assert (pixels[55, 110] == 128).all() and (pixels[0, 0] == 255).all()
    plots.save_figure(figure, tmp_path / "figures" / "a.png")
    plots.save_figure(figure, tmp_path / "figures" / "b.png")
    assert (tmp_path / "figures" / "a.png").read_bytes() == (tmp_path / "figures" / "b.png").read_bytes()
    assert Image.open(tmp_path / "figures" / "a.png").size == (330, 165)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["a.png", "b.png"]


def test_a_file_has_a_palette_but_a_photograph_all_its_colours(tmp_path):
    reds, greens = np.meshgrid(np.arange(48) * 5, np.arange(48) * 5)
    figure, (ax,) = plots.new_figure(3, 3)
    ax.imshow(np.dstack([reds, greens, np.full_like(reds, 99)]).astype(np.uint8))
    for name, colours in (("palette.png", plots.PALETTE), ("photograph.png", None)):
        plots.save_figure(figure, tmp_path / name, colours=colours)
    palette, photograph = (Image.open(tmp_path / name) for name in ("palette.png", "photograph.png"))
    assert palette.mode == "P" and palette.size == photograph.size == (450, 450)
    assert len(palette.convert("RGB").getcolors(450 * 450)) <= 256 < len(photograph.convert("RGB").getcolors(450 * 450))
    apart = np.abs(np.asarray(palette.convert("RGB"), int) - np.asarray(photograph.convert("RGB"), int))
    assert apart.mean() < 6
