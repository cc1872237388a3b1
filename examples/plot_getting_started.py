"""
Getting started: how do I remove noise from images?
===================================================

A denoising autoencoder is a network that gets a noisy sample and learns to return the clean one.
You need clean data, and must know which noise later data will have. In skdae it is a scikit-learn
estimator like any other: ``fit`` trains it, ``predict`` denoises.
"""

# %%
# The data
# --------
# 1,797 handwritten digits of 8 x 8 pixels, with values from 0 to 1. A quarter is held out.

from sklearn.model_selection import train_test_split

from skdae.datasets import load_digits

X, labels = load_digits()
X_train, X_test = train_test_split(X, random_state=0)
X_train.shape, X_test.shape

# %%
# Fit
# ---
# ``noise`` says what the model has to remove. ``fit`` takes the *clean* images and corrupts them
# itself, anew for every batch, so that the network never sees the same noise twice.

from skdae import ConvDAE, GaussianNoise

noise = GaussianNoise(sigma=0.4)
dae = ConvDAE(noise=noise, random_state=0)
dae.fit(X_train)

# %%
# Denoise
# -------
# For an experiment we need noisy digits, and ``corrupt`` makes them. ``predict`` adds no noise of
# its own: it takes noisy images and returns denoised ones of the same shape.

X_noisy = noise.corrupt(X_test, random_state=0)
X_denoised = dae.predict(X_noisy)
X_denoised.shape

# %%
# How good is it?
# ---------------
# The usual measure is the PSNR, the squared error on a logarithmic scale: 3 dB more is half the
# squared error. ``score`` is an R², as in any regressor; give it the clean images as ``y``.

from skdae import psnr

print(f"noisy     {psnr(X_test, X_noisy):5.2f} dB")
print(f"denoised  {psnr(X_test, X_denoised):5.2f} dB")
print(f"R²        {dae.score(X_noisy, X_test):5.2f}")

# %%
# Did it train long enough?
# -------------------------
# ``loss_curve_`` has the training loss of every epoch. If it is flat at the end, training was long
# enough; by default the learning rate falls to zero there. If it still falls, raise
# ``max_epochs``.

from skdae import LossCurveDisplay

_ = LossCurveDisplay.from_estimator(dae, log_scale=True)

# %%
# Look at it
# ----------
# The display corrupts the first digits of the held-out part, and shows them clean, noisy and
# denoised, with their PSNR.

from skdae import DenoisingDisplay

_ = DenoisingDisplay.from_estimator(dae, X_test, noise=noise)

# sphinx_gallery_thumbnail_number = -1
