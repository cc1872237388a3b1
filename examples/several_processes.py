"""
One model, several processes
============================

``torchrun`` starts this script once for every GPU, or for every share of the cores, and ``fit``
trains one model with all of them. It is not run for this page; on one machine with four GPUs:

.. code-block:: bash

    torchrun --nproc-per-node=4 several_processes.py

Started by Python, the same script trains on one process.
"""

import os

import joblib

from skdae import GaussianNoise, UNetDAE
from skdae.datasets import load_digits

# Every process loads all data; fit shares out each batch.
X, _ = load_digits()

# A batch is that of all processes: each of four gets 64 images of it.
dae = UNetDAE(
    noise=GaussianNoise(sigma=0.4),
    batch_size=256,
    max_epochs=20,
    random_state=0,
    verbose=1,
)
dae.fit(X)

# All have the same model now, so that one of them is enough to go on.
if os.environ.get("RANK", "0") == "0":
    print(f"loss {dae.loss_curve_[-1]:.4f} after {dae.n_iter_} epochs")
    joblib.dump(dae, "dae.joblib")
