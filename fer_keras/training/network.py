"""The network that a run begins with."""

import keras

from fer_keras.models.load import load_model
from fer_keras.models.registry import from_preset
from fer_keras.models.transfer import transfer_weights
from fer_keras.training.run import Run


def first_network(run: Run) -> keras.Model:
    """Return the network of a run, of stock layers; of a fresh one with the weights that it begins with.

    Raises:
        FerKerasError: there is no such preset or option, or the model to start from does not fit.
    """
    config = run.config
    keras.utils.set_random_seed(config.fit.seed)
    network = from_preset(config.model, num_classes=len(config.data.classes), **config.options)
    init_from = getattr(config, "init_from", "")
    if init_from and not run.progress.epoch:
        transferred = transfer_weights(network, load_model(init_from))
        print(f"{run.folder}: {transferred:,} of {network.count_params():,} weights from {init_from}", flush=True)
    return network
