"""What works without the packages of the extras, and what says which one is missing."""

from __future__ import annotations

import importlib.util
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np

import skdae
from skdae import ConvDAE, DenoisingDisplay, DenseDAE, GaussianNoise, LossCurveDisplay, UNetDAE
from skdae.datasets import load_digits, load_sample_photos

images = ("PIL", "pywt", "skimage")
for package in (*images, "matplotlib", "onnx", "onnxscript", "pandas", "safetensors"):
    assert importlib.util.find_spec(package) is None, f"{package} came along"
assert "site-packages" in skdae.__file__, skdae.__file__

X, _ = load_digits()
X = X[:50]
for kind in (DenseDAE, ConvDAE, UNetDAE):
    dae = kind(noise=GaussianNoise(0.4), max_epochs=1, random_state=0).fit(X)
    again = pickle.loads(pickle.dumps(dae))
    assert np.array_equal(again.predict(X), dae.predict(X))
photo = np.full((20, 30, 3), 128, dtype=np.uint8)
for name in skdae.pretrained.names():
    x = photo[..., 0] if name == "photos-gray" else photo
    assert skdae.pretrained.load(name).predict(x).shape == x.shape
scorer = skdae.make_denoising_scorer(GaussianNoise(0.4), metric="psnr")
assert scorer(dae, X) > 0


def says(extra: str, function: Callable, *arguments: Any) -> None:
    """Check that a function without its package names the line that installs it."""
    try:
        function(*arguments)
    except ImportError as error:
        assert re.search(rf"pip install skdae\[{extra}\]", str(error)), error
    else:
        raise AssertionError(f"{function} needs nothing of skdae[{extra}]")


says("images", skdae.ssim, X, X)
says("images", skdae.estimate_sigma, X)
says("images", load_sample_photos)
says("plot", DenoisingDisplay.from_estimator, dae, X, X)
says("plot", LossCurveDisplay.from_estimator, dae)
says("safetensors", dae.save_weights, "weights.safetensors")
says("onnx", dae.to_onnx, "dae.onnx")
says("safetensors", dae.load_weights, "weights.safetensors")
print(f"skdae {skdae.__version__} works without extras, and says which one a function needs.")
