"""skorch's callbacks as skorch documents them: they work, or say what to do here."""

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score
from skorch import callbacks as sk

from skdae import ConvDAE, DenseDAE, GaussianNoise

SETTINGS = {"noise": "gaussian", "random_state": 0, "max_epochs": 3}


def conv(*callbacks, **parameters):
    return ConvDAE((4,), callbacks=list(callbacks), **{**SETTINGS, **parameters})


def dense(*callbacks, **parameters):
    return DenseDAE((8,), callbacks=list(callbacks), **{**SETTINGS, **parameters})


both = pytest.mark.parametrize("make", [conv, dense])


# ---------------------------------------------------------------- checkpoints
@both
def test_a_checkpoint_is_written_and_loaded(make, images, tmp_path):
    said = []
    checkpoint = sk.Checkpoint(dirname=str(tmp_path), sink=said.append)
    make(checkpoint, early_stopping=True).fit(images)
    assert {p.name for p in tmp_path.iterdir()} == {"params.pt", "optimizer.pt", "history.json"}
    assert said
    assert not any("Unable" in line for line in said)
    for again in ([checkpoint, sk.LoadInitState(checkpoint)], [sk.LoadInitState(checkpoint)]):
        assert make(*again, early_stopping=True).fit(images).n_iter_ >= 4


@both
@pytest.mark.parametrize("order", [1, -1])
def test_a_training_goes_on_from_its_end(make, order, images, tmp_path):
    """The recipe of TrainEndCheckpoint: each run adds its epochs to those before."""
    settings = {"lr_schedule": "constant", "optimizer": "adamw"}
    lengths = []
    for _ in range(3):
        end = sk.TrainEndCheckpoint(dirname=str(tmp_path))
        callbacks = [end, sk.LoadInitState(end)][::order]
        lengths.append(make(*callbacks, **settings).fit(images).n_iter_)
    assert lengths == [3, 6, 9]


@both
def test_safetensors_hold_the_weights(make, images, tmp_path):
    settings = {"dirname": str(tmp_path), "use_safetensors": True, "f_optimizer": None}
    checkpoint = sk.Checkpoint(load_best=True, **settings)
    dae = make(checkpoint, early_stopping=True).fit(images)
    assert (tmp_path / "params.pt").stat().st_size > 1000
    loading = sk.LoadInitState(sk.Checkpoint(**settings), use_safetensors=True)
    other = make(loading, early_stopping=True, max_epochs=1, optimizer="sgd", lr=1e-30).fit(images)
    np.testing.assert_allclose(other.predict(images), dae.predict(images), atol=1e-2)


def test_the_end_that_is_saved_is_the_best_epoch(rows, tmp_path):
    settings = {"early_stopping": True, "lr": 0.1, "lr_schedule": "constant", "n_iter_no_change": 2}
    end = sk.TrainEndCheckpoint(dirname=str(tmp_path))
    dae = dense(end, **settings).fit(rows)
    saved = torch.load(tmp_path / "train_end_params.pt")
    for name, value in dae.net_.module_.state_dict().items():
        assert torch.equal(saved[name], value)


# ---------------------------------------------------------------- scores
@both
@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_scores_of_images_compare_rows(make, loss, images):
    score = sk.EpochScoring("r2", on_train=True, lower_is_better=False)
    net = make(score, loss=loss, batch_size=200, max_epochs=1, optimizer="sgd", lr=1e-30)
    net.set_params(noise=None)
    dae = net.fit(images)
    expected = r2_score(images.reshape(200, -1), dae.predict(images).reshape(200, -1))
    assert dae.net_.history[-1, "r2"] == pytest.approx(expected, rel=1e-2)


@both
def test_a_score_may_end_the_training(make, images):
    score = sk.EpochScoring("neg_mean_squared_error", lower_is_better=False, name="score")
    never_better = {"patience": 1, "threshold": 10, "threshold_mode": "abs"}
    stop = sk.EarlyStopping("score", lower_is_better=False, **never_better)
    dae = make(score, stop, early_stopping=True, max_epochs=50).fit(images)
    assert dae.n_iter_ < 10
    losses = dae.net_.history[:, "valid_loss"]
    np.testing.assert_allclose(dae.net_.history[:, "score"], -np.array(losses), rtol=1e-4)


def test_scores_of_hidden_values(images):
    score = sk.EpochScoring("neg_mean_squared_error", on_train=True)
    dae = ConvDAE((4,), self_supervised="blind_spot", max_epochs=1, callbacks=[score]).fit(images)
    assert np.isfinite(dae.net_.history[-1, "neg_mean_squared_error"])


def test_a_score_of_ones_own_gets_rows(images):
    seen = []

    def score(net, X, y):
        seen.append((net.predict(X).shape, y.shape))
        return 0.0

    conv(sk.EpochScoring(score), early_stopping=True, max_epochs=1).fit(images)
    assert seen == [((20, 64), (20, 64))]


# ---------------------------------------------------------------- rates, logs, bars
@both
def test_schedulers(make, images):
    scheduler = sk.LRScheduler("StepLR", step_size=1, gamma=0.1)
    dae = make(scheduler, lr_schedule="constant", lr=0.01).fit(images)
    assert dae.net_.history[:, "event_lr"] == pytest.approx([0.01, 0.001, 0.0001])
    plateau = sk.LRScheduler("ReduceLROnPlateau", monitor="valid_loss")
    make(plateau, lr_schedule="constant", early_stopping=True).fit(images)


def test_a_scheduler_of_steps_knows_the_steps_before(rows):
    scheduler = sk.LRScheduler("StepLR", step_size=100, step_every="batch")
    dae = dense(scheduler, lr_schedule="constant", warm_start=True, batch_size=50).fit(rows)
    dae.fit(rows)
    assert dict(dae.net_.callbacks_)["LRScheduler"].batch_idx_ == 24


@both
def test_the_log_is_that_of_skorch(make, images, capsys):
    lines = []
    make(sk.PrintLog(sink=lines.append), early_stopping=True).fit(images)
    assert lines[0].split() == ["epoch", "train_loss", "valid_loss"]
    assert len(lines) == 5
    assert capsys.readouterr().out == ""
    make(sk.PrintLog(), verbose=1).fit(images)
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_the_bar_of_skorch_knows_its_end(rows, capsys):
    dense(sk.ProgressBar(), batch_size=50, max_epochs=1).fit(rows)
    assert "/4 [" in capsys.readouterr().err


def test_classes_and_names(rows):
    dae = dense(sk.EpochTimer, ("clip", sk.GradientNormClipping(1.0))).fit(rows)
    assert len(dae.net_.history[:, "dur"]) == 3


# ---------------------------------------------------------------- what cannot work says so
CANNOT = [
    (sk.EarlyStopping(), "waits for 'valid_loss'.*set early_stopping=True.*monitor='train_loss'"),
    (sk.Checkpoint(), "waits for 'valid_loss_best'.*set early_stopping=True"),
    (sk.LRScheduler("ReduceLROnPlateau", monitor="valid_loss"), "set early_stopping=True"),
    (sk.EpochScoring("r2"), "set early_stopping=True.* or on_train=True"),
    (sk.LRScheduler("StepLR", step_size=1), "lr_schedule='one_cycle' does: take 'constant'"),
    (sk.BatchScoring("r2", on_train=True), "take EpochScoring"),
    (sk.PassthroughScoring("train_loss"), "take EpochScoring"),
    (sk.Checkpoint(monitor=None, f_pickle="net.pkl"), "pickle the estimator after fit"),
    (sk.TrainEndCheckpoint(f_pickle="net.pkl"), "pickle the estimator after fit"),
]


@pytest.mark.parametrize(("callback", "match"), CANNOT)
def test_what_cannot_work_says_what_to_do(callback, match, rows):
    dae = dense(callback)
    name = type(callback).__name__
    with pytest.raises(ValueError, match=f"{name} in the callbacks of DenseDAE .*{match}"):
        dae.fit(rows)
    assert not hasattr(dae, "net_")


@pytest.mark.parametrize("wrong", [3, "EarlyStopping", print, object, ("name", 3), (1, 2, 3), None])
def test_what_is_no_callback_is_an_error(wrong, rows):
    with pytest.raises(TypeError, match="'callbacks' parameter of DenseDAE must be a list"):
        dense(wrong).fit(rows)


def test_callbacks_are_cloned_and_share_their_checkpoint(rows, tmp_path):
    end = sk.TrainEndCheckpoint(dirname=str(tmp_path))
    dae = dense(end, sk.LoadInitState(end), noise=GaussianNoise(0.1)).fit(rows)
    used = dict(dae.net_.callbacks_)
    assert used["LoadInitState"].checkpoint is used["TrainEndCheckpoint"] is not end
    assert not hasattr(end, "checkpoint_")
