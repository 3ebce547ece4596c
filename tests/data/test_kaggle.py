"""Kaggle's copy: through kagglehub, or one sentence."""

import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fer_keras.data.kaggle import resolve_data
from fer_keras.errors import FerKerasError


def test_downloads_the_data_set(monkeypatch, tmp_path):
    asked = []
    download = lambda name: asked.append(name) or str(tmp_path)  # noqa: E731
    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=download))
    assert resolve_data("kaggle") == tmp_path
    assert asked == ["msambare/fer2013"]


def test_a_path_is_a_path(monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)  # importing it would fail
    assert resolve_data("some/fer2013.zip") == Path("some/fer2013.zip")
    with pytest.raises(FerKerasError, match="empty"):
        resolve_data("")


def test_without_kagglehub(monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(FerKerasError, match=r"pip install 'fer_keras\[kaggle\]'"):
        resolve_data("kaggle")


def test_without_network(monkeypatch, tmp_path):
    pytest.importorskip("kagglehub")

    def no_network(*_, **__):
        raise socket.gaierror("no network")

    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(FerKerasError, match="kaggle: cannot download msambare/fer2013; download it by hand") as raised:
        resolve_data("kaggle")
    assert "\n" not in str(raised.value)
