"""The cache holds what the teachers say, goes on after a kill, and refuses what does not match."""

import json
import signal
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from processes import start, wait_for
from scipy.special import log_softmax, softmax

from fer_keras.config import ViewConfig
from fer_keras.data.augment import make_views
from fer_keras.data.dataset import fold_of
from fer_keras.data.mixup import make_mixed_views
from fer_keras.distill.cache_identity import identify
from fer_keras.distill.ensemble import build_ensemble, ensemble_logits, teacher_fingerprint
from fer_keras.distill.logit_cache import LogitCache, cross_fit, verify, write_logits
from fer_keras.errors import FerKerasError
from fer_keras.models import build

VIEWS = ViewConfig()


def make_teacher(seed):
    keras.utils.set_random_seed(seed)
    return build("cnn", widths=(4, 6), dense_widths=())


@pytest.fixture(scope="module")
def teacher():
    return make_teacher(0)


@pytest.fixture
def train(faces):
    return faces.split("train").take(np.arange(150))


def test_the_cache_is_what_the_teachers_say(teacher, train, tmp_path):
    teachers = [teacher, make_teacher(1)]
    identities = [identify(t, train, VIEWS, 7) for t in teachers]
    folders = [write_logits(t, train, i, 3, tmp_path) for t, i in zip(teachers, identities, strict=True)]
    cache = LogitCache(folders, identities, 3)
    assert (cache.members, cache.views) == (2, 3)
    for view in range(3):
        logits = cache.view(view)
        assert logits.shape == (150, 2, 7) and logits.dtype == np.float16
        images = make_views(VIEWS, 7, view, train.images, train.index)
        for member, model in enumerate(teachers):
            np.testing.assert_allclose(logits[:, member], model(images).numpy(), rtol=1e-3, atol=2e-3)
    held = len([*Path("/proc/self/fd").iterdir()])
    kept = [LogitCache(folders, identities, 3) for _ in range(9)]
    assert len([*Path("/proc/self/fd").iterdir()]) == held and kept


def test_a_subset_has_the_views_of_the_whole(teacher, train, tmp_path):
    rows = np.array([5, 80, 149])
    every_image, few_images = train, train.take(rows)
    logits = []
    for data in (every_image, few_images):
        identity = identify(teacher, data, VIEWS, 7)
        logits.append(LogitCache([write_logits(teacher, data, identity, 1, tmp_path)], [identity], 1).view(0))
    np.testing.assert_allclose(logits[0][rows].astype(float), logits[1].astype(float), atol=5e-3)


def test_writing_goes_on_where_it_stopped(teacher, train, tmp_path):
    identity = identify(teacher, train, VIEWS, 7)
    folder = write_logits(teacher, train, identity, 2, tmp_path)
    first = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    (folder / ".partial-1-view-00002.npz").write_bytes(b"half")  # what a kill leaves behind
    write_logits(teacher, train, identity, 4, tmp_path)
    assert sorted(path.name for path in folder.glob("view-*.npz")) == [f"view-{v:05d}.npz" for v in range(4)]
    assert {name: (folder / name).stat().st_mtime_ns for name in first} == first
    assert not list(folder.glob(".partial-*")), "what a kill left is cleared"


KILLED = """
import sys
from pathlib import Path
import keras, numpy as np
from fer_keras.config import ViewConfig
from fer_keras.data.synthetic import drawn_faces
from fer_keras.distill.cache_identity import identify
from fer_keras.distill.logit_cache import write_logits
from fer_keras.models import build
keras.utils.set_random_seed(0)
teacher = build("cnn", widths=(4, 6), dense_widths=())
train = drawn_faces(700, seed=3).split("train").take(np.arange(150))
write_logits(teacher, train, identify(teacher, train, ViewConfig(), 7), 2000, Path(sys.argv[1]))
"""


def test_a_cache_whose_writer_was_killed_is_completed(teacher, train, tmp_path):
    process = start("-c", KILLED, tmp_path)
    wait_for(lambda: len(list(tmp_path.rglob("view-*.npz"))) >= 3, process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    identity = identify(teacher, train, VIEWS, 7)
    views = len(list(identity.folder(tmp_path).glob("view-*.npz")))
    assert 3 <= views < 2000, "the killed process wrote to this very cache"
    folder = write_logits(teacher, train, identity, views + 2, tmp_path)
    assert LogitCache([folder], [identity], views + 2).views == views + 2
    assert verify(teacher, train, identity, views + 2, tmp_path) < 5e-3


def test_the_manifest_is_for_people(teacher, train, tmp_path):
    identity = identify(teacher, train, VIEWS, 7)
    manifest = json.loads((write_logits(teacher, train, identity, 1, tmp_path) / "manifest.json").read_text())
    assert manifest["images"] == 150 and manifest["view_seed"] == 7
    assert manifest["views"]["rotation"] == 15.0
    assert manifest["teacher"] == teacher_fingerprint(teacher) and manifest["data"] == train.fingerprint


def test_everything_the_logits_depend_on_makes_another_identity(teacher, train, tmp_path):
    identity = identify(teacher, train, VIEWS, 7)
    others = [
        identify(make_teacher(1), train, VIEWS, 7),
        identify(teacher, train.take(np.arange(149)), VIEWS, 7),
        identify(teacher, train.take(np.arange(150)[::-1]), VIEWS, 7),
        identify(teacher, train, replace(VIEWS, rotation=14.0), 7),
        identify(teacher, train, VIEWS, 8),
        identify(teacher, train, VIEWS, 7, mixup=0.5),
        identify(teacher, train, VIEWS, 7, precision="mixed_bfloat16"),
        replace(identity, augment_version=99),
    ]
    assert len({str(i.folder(tmp_path)) for i in [identity, *others]}) == 9


@pytest.mark.parametrize(
    ("field", "value"), [("teacher", "0" * 64), ("data", "0" * 64), ("view_seed", 8), ("augment_version", 0)]
)
def test_a_cache_of_something_else_is_refused_with_the_reason(teacher, train, tmp_path, field, value):
    identity = identify(teacher, train, VIEWS, 7)
    folder = write_logits(teacher, train, identity, 1, tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, field: value}))
    for use in (
        lambda: LogitCache([folder], [identity], 1),
        lambda: write_logits(teacher, train, identity, 2, tmp_path),
        lambda: verify(teacher, train, identity, 1, tmp_path),
    ):
        with pytest.raises(FerKerasError, match=f"of something else .*{field}"):
            use()


def test_a_missing_view_and_a_damaged_one_are_refused(teacher, train, tmp_path):
    identity = identify(teacher, train, VIEWS, 7)
    folder = write_logits(teacher, train, identity, 2, tmp_path)
    with pytest.raises(FerKerasError, match=r"view-00002.npz: this view is not cached; the same command"):
        LogitCache([folder], [identity], 3)
    shard = folder / "view-00001.npz"
    whole = shard.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    row = 14  # of 14 bytes
    zeroed = whole[: len(whole) // 2] + bytes(row) + whole[len(whole) // 2 + row :]
    for damage in (whole[:-100], b"", bytes(flipped), zeroed, b"PK"):
        shard.write_bytes(damage)
        with pytest.raises(FerKerasError, match=r"view-00001.npz: expected float16 \[150, 7\]; delete it \("):
            LogitCache([folder], [identity], 2)
    for wrong in (np.zeros((150, 7), np.float32), np.zeros((149, 7), np.float16)):
        np.savez(shard, logits=wrong)
        with pytest.raises(FerKerasError, match=r"view-00001.npz: damaged, expected logits .*, found float"):
            LogitCache([folder], [identity], 2)
    np.savez(shard, logits=np.full((150, 7), np.nan, np.float16))
    with pytest.raises(FerKerasError, match=r"view-00001.npz: damaged, expected finite logits; delete it"):
        LogitCache([folder], [identity], 2)
    with zipfile.ZipFile(shard, "w") as archive:
        archive.writestr("logits", b"no array")
    with pytest.raises(FerKerasError, match=r"view-00001.npz: expected float16 .* \('logits' is no array\)"):
        LogitCache([folder], [identity], 2)


def test_a_teacher_whose_logits_are_no_numbers_is_refused(train, tmp_path):
    broken = make_teacher(0)
    broken.set_weights([weights * np.nan for weights in broken.get_weights()])
    with pytest.raises(FerKerasError, match="its logits of view 0 are no finite numbers"):
        write_logits(broken, train, identify(broken, train, VIEWS, 7), 1, tmp_path)
    assert not [*tmp_path.rglob("view-*")]


def test_verify_passes_what_is_right_and_fails_what_is_not(teacher, train, tmp_path):
    identity = identify(teacher, train, VIEWS, 7)
    folder = write_logits(teacher, train, identity, 2, tmp_path)
    assert verify(teacher, train, identity, 2, tmp_path) < 5e-3
    shard = np.load(folder / "view-00001.npz")["logits"]
    np.savez(folder / "view-00001.npz", logits=shard + np.float16(0.1))
    with pytest.raises(FerKerasError, match=r"view-00001.npz: cached logits differ from the teacher's by up to 0\.1"):
        verify(teacher, train, identity, 2, tmp_path)


def test_teachers_see_mixed_pictures(teacher, train, tmp_path):
    identity = identify(teacher, train, VIEWS, 7, mixup=0.5)
    cache = LogitCache([write_logits(teacher, train, identity, 2, tmp_path)], [identity], 2)
    mixed = make_mixed_views(train, np.arange(150), VIEWS, 7, 1, 0.5)
    np.testing.assert_allclose(cache.view(1)[:, 0], teacher(mixed).numpy(), rtol=2e-3, atol=1e-4)
    plain = teacher(make_views(VIEWS, 7, 1, train.images, train.index)).numpy()
    assert np.abs(plain - cache.view(1)[:, 0]).max() > 5e-3
    assert verify(teacher, train, identity, 2, tmp_path) < 5e-3


def test_logits_may_be_computed_in_bfloat16(teacher, train, tmp_path):
    identity = identify(teacher, train, VIEWS, 7, precision="mixed_bfloat16")
    cache = LogitCache([write_logits(teacher, train, identity, 1, tmp_path)], [identity], 1)
    exact = teacher(make_views(VIEWS, 7, 0, train.images, train.index)).numpy()
    error = np.abs(cache.view(0)[:, 0] - exact)
    spacing = 2.0**-11 * np.abs(exact).max()
    assert 2 * spacing < error.max() < 0.15, "rounded by more than half precision, and by no more than the tolerance"
    verify(teacher, train, identity, 1, tmp_path)


def test_a_teacher_that_ends_in_softmax_says_the_same(teacher, train, tmp_path):
    soft = keras.Model(teacher.input, keras.layers.Softmax()(teacher.output))
    shards = []
    for model in (teacher, soft):
        identity = identify(model, train, VIEWS, 7)
        shards.append(LogitCache([write_logits(model, train, identity, 1, tmp_path)], [identity], 1).view(0)[:, 0])
        assert verify(model, train, identity, 1, tmp_path) < 5e-3
    logits, again = (shard.astype(np.float64) for shard in shards)
    assert np.ptp(logits, axis=1).max() > 0.01
    np.testing.assert_allclose(again, log_softmax(logits, axis=1), atol=2e-3)


def test_an_ensemble_is_its_members_side_by_side(train):
    members = [make_teacher(0), make_teacher(1)]
    logits = build_ensemble(members)(train.images[:9]).numpy()
    assert logits.shape == (9, 2, 7)
    for number, member in enumerate(members):
        np.testing.assert_allclose(logits[:, number], member(train.images[:9]).numpy(), rtol=1e-5, atol=1e-6)
    with pytest.raises(FerKerasError, match="at least one teacher"):
        build_ensemble([])


def test_the_ensemble_opinion_is_the_mean_of_probabilities(rng):
    logits = rng.normal(0, 5, (6, 3, 7))
    np.testing.assert_allclose(softmax(ensemble_logits(logits), axis=-1), softmax(logits, -1).mean(1), rtol=1e-9)
    assert np.isfinite(ensemble_logits(np.array([[[60000.0, -60000, 0, 0, 0, 0, 0]]]))).all()


def test_a_mirrored_cache_is_the_mean_over_a_view_and_its_mirror_image(train, tmp_path):
    teacher = make_teacher(0)
    plain, mirrored = (identify(teacher, train, VIEWS, 7, mirrored=flag) for flag in (False, True))
    assert plain.folder(tmp_path) != mirrored.folder(tmp_path)
    write_logits(teacher, train, mirrored, 1, tmp_path)
    views = make_views(VIEWS, 7, 0, train.images, train.index).astype(np.float32)
    expected = (teacher(views).numpy() + teacher(views[:, :, ::-1]).numpy()) / 2
    cache = LogitCache([mirrored.folder(tmp_path)], [mirrored], 1)
    np.testing.assert_allclose(cache.view(0)[:, 0], expected, rtol=2e-3, atol=5e-3)
    assert verify(teacher, train, mirrored, 1, tmp_path) < 0.01


def test_an_image_is_taught_by_the_members_that_left_it_out(train, tmp_path):
    teachers = [make_teacher(seed) for seed in range(4)]
    parts = [(2, 1), (2, 2), (2, 2), (2, 1)]
    identities = [
        identify(teacher, train, VIEWS, 7, folds=folds, left_out=left_out)
        for teacher, (folds, left_out) in zip(teachers, parts, strict=True)
    ]
    folders = [write_logits(t, train, i, 1, tmp_path) for t, i in zip(teachers, identities, strict=True)]
    whole = LogitCache(folders, identities, 1).view(0)
    cache = LogitCache(folders, identities, 1, cross_fit(train, identities))
    fold = fold_of(train, 2) + 1
    assert cache.members == 2 and {*fold} == {1, 2}
    np.testing.assert_array_equal(cache.view(0)[fold == 1], whole[fold == 1][:, [0, 3]])
    np.testing.assert_array_equal(cache.first(1).view(0)[fold == 2], whole[fold == 2][:, [1, 2]])
    with pytest.raises(FerKerasError, match="these left out 1 of 2, 2 of 2, 2 of 2"):
        cross_fit(train, identities[:3])
