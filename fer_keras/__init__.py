"""Facial-expression classifiers small enough for any device, distilled from large ones."""

__version__ = "0.1.0"
