"""
How do I port the Keras tutorial?
=================================

The denoising autoencoder that most people meet first is the one of the Keras examples [1]_:
convolutions, max pooling, transposed convolutions, a sigmoid, binary cross-entropy. Here is its
code next to skdae's. Then we run it, on scikit-learn's digits instead of MNIST.
"""

# %%
# Side by side
# ------------
#
# .. grid:: 1 1 2 2
#    :gutter: 2
#
#    .. grid-item::
#
#       **Keras**
#
#       .. code-block:: python
#
#          def preprocess(array):
#              array = array.astype("float32") / 255.0
#              return np.reshape(
#                  array, (len(array), 28, 28, 1))
#
#          def noise(array):
#              noisy = array + 0.4 * np.random.normal(
#                  loc=0.0, scale=1.0, size=array.shape)
#              return np.clip(noisy, 0.0, 1.0)
#
#          train_data = preprocess(train_data)
#          noisy_train_data = noise(train_data)
#
#          input = layers.Input(shape=(28, 28, 1))
#          x = layers.Conv2D(32, (3, 3),
#              activation="relu", padding="same")(input)
#          x = layers.MaxPooling2D((2, 2), padding="same")(x)
#          x = layers.Conv2D(32, (3, 3),
#              activation="relu", padding="same")(x)
#          x = layers.MaxPooling2D((2, 2), padding="same")(x)
#          x = layers.Conv2DTranspose(32, (3, 3), strides=2,
#              activation="relu", padding="same")(x)
#          x = layers.Conv2DTranspose(32, (3, 3), strides=2,
#              activation="relu", padding="same")(x)
#          x = layers.Conv2D(1, (3, 3),
#              activation="sigmoid", padding="same")(x)
#
#          autoencoder = Model(input, x)
#          autoencoder.compile(
#              optimizer="adam", loss="binary_crossentropy")
#          autoencoder.fit(
#              x=noisy_train_data, y=train_data,
#              epochs=100, batch_size=128, shuffle=True)
#
#          predictions = autoencoder.predict(
#              noisy_test_data)
#
#    .. grid-item::
#
#       **skdae**
#
#       .. code-block:: python
#
#          # uint8 images are read as fractions
#          # of 255, with or without a channel
#          # axis: there is nothing to prepare
#
#          noise = GaussianNoise(
#              sigma=0.4, clip=(0, 1))
#
#          autoencoder = ConvDAE(
#              channels=(32, 32),
#              kernel_size=3,
#              activation="relu",
#              downsample="max",
#              upsample="transpose",
#              noise=noise,
#              optimizer="adam",
#              loss="bce",
#              batch_size=128,
#              random_state=0)
#
#          autoencoder.fit(train_data)
#
#          predictions = autoencoder.predict(
#              noisy_test_data)
#
# The architecture on the right is the default and is spelled out only for comparison:
# ``ConvDAE(noise=noise, loss="bce")`` is nearly the same.
#
# What differs
# ------------
# - The tutorial draws the noise once, and trains on those pairs for 100 epochs. skdae draws new
#   noise for every batch.
# - ``loss="bce"`` adds the sigmoid. There is no output activation with the other losses.
# - The learning rate rises and falls (one cycle) instead of staying at 0.001, and the number of
#   epochs follows from the size of the data. The tutorial's own schedule would be
#   ``lr=0.001, lr_schedule="constant", max_epochs=100``.
# - The tutorial passes its test data as ``validation_data``. skdae has no such parameter: keep the
#   test data for the test. ``early_stopping=True`` splits off a validation part.
#
# Run it
# ------
# Both data sets have gray images with values from 0 to 1; the digits are just smaller.

from sklearn.model_selection import train_test_split

from skdae import ConvDAE, GaussianNoise, psnr
from skdae.datasets import load_digits

X, _ = load_digits()
X_train, X_test = train_test_split(X, random_state=0)

noise = GaussianNoise(sigma=0.4, clip=(0, 1))
X_noisy = noise.corrupt(X_test, random_state=0)

autoencoder = ConvDAE(
    noise=noise, optimizer="adam", loss="bce", random_state=0
).fit(X_train)
predictions = autoencoder.predict(X_noisy)

losses = autoencoder.loss_curve_
print(f"loss      {losses[0]:.4f} -> {losses[-1]:.4f}")
print(f"noisy     {psnr(X_test, X_noisy):.2f} dB")
print(f"denoised  {psnr(X_test, predictions):.2f} dB")

# %%
# The predictions are probabilities, so they lie between 0 and 1.

print(f"{predictions.min():.2f} to {predictions.max():.2f}")

# %%
# The tutorial ends with a picture, and so does this page.

from skdae import DenoisingDisplay

_ = DenoisingDisplay.from_predictions(X_test, X_noisy, predictions)

# %%
# The tutorial's network to the letter, with the numbers that it reports, is one of the
# :doc:`published systems </user_guide/recipes>`: ``recipes.make("keras-io-2021")``.
#
# .. [1] S. L. Valdarrama, "Convolutional autoencoder for image denoising", keras.io, 2021.

# sphinx_gallery_thumbnail_number = -1
