"""The tutorials' own Keras code: seconds of an epoch, and the loss after it, as JSON.

    python benchmarks/keras_tutorials.py keras-io-2021 train.npz --epochs 1

It runs in an environment with tensorflow-cpu and without skdae: ``make bench-keras`` makes one,
draws the noise into ``train.npz`` (``noisy`` and ``clean``, and ``test_noisy`` and ``test_clean``;
n x 28 x 28, float32) and calls this. The layers, the loss, the optimizer and the batch size are
those of the tutorials; the noise is drawn once, as they draw it.
"""

from __future__ import annotations

import argparse
import json
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers


def keras_io_2021() -> keras.Model:
    """Convolutional autoencoder for image denoising, keras.io, 2021."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(2, padding="same"),
            layers.Conv2D(32, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(2, padding="same"),
            layers.Conv2DTranspose(32, 3, strides=2, activation="relu", padding="same"),
            layers.Conv2DTranspose(32, 3, strides=2, activation="relu", padding="same"),
            layers.Conv2D(1, 3, activation="sigmoid", padding="same"),
        ]
    )


def dropsofai_2020() -> keras.Model:
    """Convolutional denoising autoencoders for image noise reduction, 2020."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(64, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(128, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(256, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2DTranspose(256, 3, activation="relu"),
            layers.Conv2DTranspose(128, 3, activation="relu"),
            layers.UpSampling2D(2),
            layers.Conv2DTranspose(64, 3, activation="relu"),
            layers.UpSampling2D(2),
            layers.Conv2DTranspose(1, 5, activation="relu"),
        ]
    )


SYSTEMS = {
    "keras-io-2021": (keras_io_2021, "binary_crossentropy", 128),
    "dropsofai-2020": (dropsofai_2020, "mse", 64),
}


class Stopwatch(keras.callbacks.Callback):
    """Note how long each epoch takes, without its validation."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Start."""
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Note the time; the last one of the epoch stays."""
        self.stop = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Stop."""
        self.seconds.append(self.stop - self.start)


def main() -> None:
    """Train and print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("data", help="an .npz file")
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()

    build, loss, batch_size = SYSTEMS[options.system]
    data = np.load(options.data)
    stopwatch = Stopwatch()
    model = build()
    model.compile(optimizer="adam", loss=loss)
    history = model.fit(
        data["noisy"][..., None],
        data["clean"][..., None],
        epochs=options.epochs,
        batch_size=batch_size,
        shuffle=True,
        validation_data=(data["test_noisy"][..., None], data["test_clean"][..., None]),
        callbacks=[stopwatch],
        verbose=0,
    )
    start = time.perf_counter()
    model.predict(data["test_noisy"][..., None], verbose=0)
    result = {
        "parameters": model.count_params(),
        "seconds": stopwatch.seconds,
        "losses": history.history["val_loss"],
        "predict_seconds": time.perf_counter() - start,
        "keras": keras.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
