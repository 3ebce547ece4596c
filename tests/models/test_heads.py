"""A head that is cut out answers as it did among the others."""

import numpy as np
import pytest

from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, FERPLUS, LabelSet, label_set_in_order
from fer_keras.models import build
from fer_keras.models.heads import take_head

BOTH = label_set_in_order([*(f"labels/{c}" for c in FER2013.classes), *(f"votes/{c}" for c in FERPLUS.classes)])


@pytest.fixture
def network():
    return build("separable", num_classes=15, widths=(4, 8), strides=(4, 4), dropouts=())


@pytest.mark.parametrize(("wanted", "columns"), [(FER2013, slice(0, 7)), (FERPLUS, slice(7, 15))])
def test_a_head_has_the_same_logits_alone(network, rng, wanted, columns):
    images = rng.integers(0, 256, (5, 48, 48, 1)).astype(np.float32)
    head = take_head(network, BOTH, wanted)
    assert head.output_shape == (None, len(wanted))
    np.testing.assert_array_equal(head(images).numpy(), network(images).numpy()[:, columns])
    assert network.output_shape == (None, 15), "the network itself is as it was"


def test_a_model_of_the_classes_is_left_as_it_is(network):
    assert take_head(network, BOTH, BOTH) is network


def test_classes_that_no_head_has_are_a_sentence(network):
    with pytest.raises(FerKerasError, match="expected one of the classes yes, no"):
        take_head(network, BOTH, LabelSet("own", ("yes", "no")))
