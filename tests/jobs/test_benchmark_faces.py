"""The fastest and the median counted round of each finder; the first round warms up."""

from types import SimpleNamespace

from fer_keras.jobs import benchmark_faces


def test_each_finder_has_its_faces_and_its_times(monkeypatch):
    clock = iter([0, 9, 0, 9, 0, 2, 0, 1, 0, 4, 0, 3])  # before and after each turn
    monkeypatch.setattr(benchmark_faces, "time", SimpleNamespace(process_time=lambda: next(clock)))
    turns = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    table = benchmark_faces.benchmark_photo(iter(turns), {"a": lambda photo: 6, "b": lambda photo: photo.width})
    assert table.values.tolist() == [["a", 6, 2000.0, 3000.0], ["b", 1280, 1000.0, 2000.0]]
