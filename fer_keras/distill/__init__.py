"""Distillation: the teacher ensemble, its logit cache, the losses and the Distiller."""
