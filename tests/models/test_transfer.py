"""A network that is cut from another starts as what is left of it."""

import numpy as np
import pytest

from fer_keras.errors import FerKerasError
from fer_keras.models import build
from fer_keras.models.transfer import transfer_weights

OPTIONS = {"dropouts": (), "residual": True}


@pytest.fixture
def source(rng):
    model = build("separable", widths=(8, 16, 16, 16, 24, 24), strides=(4, 1, 1, 1, 2, 1), **OPTIONS)
    model.set_weights([rng.normal(0, 0.5, weight.shape) ** 2 for weight in model.get_weights()])
    return model


def test_the_same_network_with_another_activation_gets_everything(source):
    model = build(
        "separable", widths=(8, 16, 16, 16, 24, 24), strides=(4, 1, 1, 1, 2, 1), activation="hard_silu", **OPTIONS
    )
    assert transfer_weights(model, source) == model.count_params() == source.count_params()
    for mine, its in zip(model.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_shorter_stage_gets_its_first_blocks_and_all_that_follows(source):
    model = build("separable", widths=(8, 16, 16, 24, 24), strides=(4, 1, 1, 2, 1), **OPTIONS)
    assert transfer_weights(model, source) == model.count_params()
    for block, origin in ((1, 1), (2, 2), (3, 4), (4, 5)):
        mine = [w for w in model.weights if w.path.startswith(f"block{block}_")]
        its = [w for w in source.weights if w.path.startswith(f"block{origin}_")]
        assert len(mine) == len(its) == 6
        for weight, other in zip(mine, its, strict=True):
            np.testing.assert_array_equal(weight.numpy(), other.numpy())


def test_what_does_not_fit_keeps_its_own_weights(source):
    model = build("separable", widths=(8, 16, 16, 16, 40), strides=(4, 1, 1, 1, 2), **OPTIONS)
    own = [w.numpy() for w in model.weights if w.path.startswith(("block4_", "logits"))]
    transferred = transfer_weights(model, source)
    assert transferred == model.count_params() - sum(array.size for array in own)
    kept = [w.numpy() for w in model.weights if w.path.startswith(("block4_", "logits"))]
    for before, after in zip(own, kept, strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(model.get_weights()[0], source.get_weights()[0])


def test_a_stranger_is_refused(source):
    with pytest.raises(FerKerasError, match="separable: expected a relative of cnn, found no layer"):
        transfer_weights(build("cnn", widths=(4,), dense_widths=(5,), name="cnn"), source)


def test_a_normalisation_alone_makes_no_relative(source):
    stranger = build("separable", widths=(16, 8), strides=(4, 2), **OPTIONS)  # its stem's BN is as wide as a block's
    with pytest.raises(FerKerasError, match="found no layer"):
        transfer_weights(stranger, source)
