"""What the frontier is compared with: the reference's networks, others' and shipped students."""

import keras
from command import ROOT

from fer_keras.models import FAMILIES, PRESETS
from fer_keras.models.budget import multiply_adds
from tuner.baselines import baselines

BASELINES = baselines(ROOT / "saved_models")


def test_the_references_cost_what_their_families_say():
    cnn, student = (model for model in BASELINES if model.kind == "reference")
    for baseline, family in ((cnn, "cnn"), (student, "mobilenet")):
        assert baseline.parameters == FAMILIES[family].parameters()
        assert baseline.multiply_adds == FAMILIES[family].multiply_adds()
        assert PRESETS[baseline.preset].family == family
    assert (cnn.public_test, student.public_test) == (0.66926, 0.66341)


def test_the_baselines_cost_what_their_graphs_do():
    """As in oarriaga/face_classification and keras.applications, untrained."""
    layers = keras.layers

    def normalised(x, activation="relu"):
        return layers.Activation(activation)(layers.BatchNormalization()(x))

    def separable(x, width, activation):
        return normalised(layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x), activation)

    def xception(stem, widths):
        images = x = keras.Input((64, 64, 1))
        for width, stride in stem:
            x = normalised(layers.Conv2D(width, 3, strides=stride, use_bias=False)(x))
        for width in widths:
            shortcut = normalised(layers.Conv2D(width, 1, strides=2, use_bias=False)(x), "linear")
            x = separable(separable(x, width, "relu"), width, "linear")
            x = layers.add([layers.MaxPooling2D(3, strides=2, padding="same")(x), shortcut])
        x = layers.GlobalAveragePooling2D()(layers.Conv2D(7, 3, padding="same")(x))
        return keras.Model(images, x)

    graphs = {
        "mini_XCEPTION": xception([(8, 1), (8, 1)], (16, 32, 64, 128)),
        "big_XCEPTION": xception([(32, 2), (64, 1)], (128, 256)),
        "MobileNet 0.25, 64 px": keras.applications.MobileNet((64, 64, 1), alpha=0.25, weights=None, classes=7),
    }
    costs = {name: (graph.count_params(), multiply_adds(graph)) for name, graph in graphs.items()}
    others = [model for model in BASELINES if model.kind == "other" and model.parameters]
    assert costs == {model.title: (model.parameters, model.multiply_adds) for model in others}


def test_shipped_students_are_those_of_the_cards():
    shipped = {model.title: model for model in BASELINES if model.kind == "shipped"}
    assert {"reference-mobilenet", "reference-cnn"} <= shipped.keys(), "our own training of the reference's networks"
    assert not {"residual-16", "teachers"} & shipped.keys()
    assert "separable-88k" in shipped and "separable-88k-second" not in shipped, "the seed that validates better"
    flagship = shipped["separable-93k"]
    assert (flagship.parameters, round(flagship.public_test, 4)) == (92_519, 0.6924)
    assert flagship.multiply_adds == FAMILIES["separable"].multiply_adds(**PRESETS["separable-93k"].options)
