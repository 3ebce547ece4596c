"""A data set and a model whose scores are known."""

from known_scores import data, make_data, make_reader, reader

__all__ = ["data", "make_data", "make_reader", "reader"]
