"""How every network is fitted: the optimizer, its schedule, and how far moving statistics reach back."""

import keras

from fer_keras.config import FitConfig
from fer_keras.models.blocks import BN_MOMENTUM


def make_optimizer(config: FitConfig, steps: int) -> keras.optimizers.Optimizer:
    """Return AdamW on a warm-up and cosine schedule, with an average of the weights if asked for.

    Args:
        config: the schedule.
        steps: steps of one epoch.
    """
    warmup = round(config.warmup_epochs * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 100 if warmup else config.learning_rate,
        decay_steps=max(1, config.epochs * steps - warmup),
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    averaging = config.ema_epochs > 0
    kind = (
        keras.optimizers.AdamW
        if config.optimizer == "adamw"
        else lambda *args, **kwargs: keras.optimizers.SGD(*args, momentum=0.9, nesterov=True, **kwargs)
    )
    optimizer = kind(
        schedule,
        weight_decay=config.weight_decay,
        use_ema=averaging,
        ema_momentum=max(0.0, 1.0 - 1.0 / (config.ema_epochs * steps)) if averaging else 0.99,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def batch_norm_momentum(steps: int) -> float:
    """Return the momentum of moving statistics that reach back a quarter of an epoch of `steps`, but 20 steps at least.

    The 20 steps of `BN_MOMENTUM` are all that a short run has; on FER2013 they are 1,280 images, and the noise of so
    few is in every validation and in the model that is kept.
    """
    return max(BN_MOMENTUM, 1.0 - 4.0 / steps)
