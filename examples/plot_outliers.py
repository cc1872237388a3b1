"""
Odd rows and odd pixels
=======================

An outlier detector that says where: :class:`~skdae.DAEOutlierDetector` finds records unlike
the others, and :class:`~skdae.FeatureErrorsDisplay` shows which cells or pixels are to blame.
"""

# %%
# Records with a wrong cell
# -------------------------
# Measurements of benign tumours. The detector learns those of half of them, with
# ``novelty=True``: all rows of its ``fit`` are normal. In ten of the others, one value was typed
# into the wrong row. Each is a usual value for its column, and odd beside the others of its row.

import numpy as np
from sklearn.datasets import load_breast_cancer

from skdae import DAEOutlierDetector, DenseDAE, FeatureErrorsDisplay

tumours = load_breast_cancer(as_frame=True)
benign = tumours.data[tumours.target == 1].sample(frac=1, random_state=0)
train, test = benign[:180], benign[180:].reset_index(drop=True)

rng = np.random.default_rng(0)
wrong = test[:10].copy()
for row, column in enumerate(rng.permutation(wrong.shape[1])[:10]):
    low, high = test.iloc[:, column].quantile([0.02, 0.98])
    value = wrong.iat[row, column]
    wrong.iat[row, column] = (
        low if abs(value - low) > abs(value - high) else high
    )

detector = DAEOutlierDetector(
    novelty=True, contamination=0.05, random_state=0
).fit(train)
found = detector.predict(wrong) == -1
alarms = detector.predict(test[10:]) == -1
print(f"{found.sum()} of 10 wrong records found")
print(f"{alarms.mean():.1%} of the right ones suspected")

# %%
# Which cells?
# ------------
# ``feature_errors`` gives each cell's error in what is usual for its column. The changed cells
# stand out, and with them the columns that depend on these.

import matplotlib.pyplot as plt

FeatureErrorsDisplay.from_estimator(detector, wrong, n_samples=10)
plt.show()

# %%
# Images with odd pixels
# ----------------------
# Any autoencoder goes into the detector. Here one learns images of zeros; some of those that it
# has not seen get a spot.

from sklearn.datasets import load_digits

digits = load_digits()
zeros = digits.images[digits.target == 0] / 16
dae = DenseDAE((256,), latent_dim=32, sample_shape=(8, 8))
detector = DAEOutlierDetector(
    dae, novelty=True, contamination=0.05, random_state=0
)
detector.fit(zeros[:120])

spotted = zeros[120:128].copy()
for image in spotted[1::2]:
    row, column = rng.integers(0, 6, size=2)
    spot = image[row : row + 2, column : column + 2]
    spot[:] = 1 - spot
names = [f"{score:.1f}" for score in detector.decision_function(spotted)]
FeatureErrorsDisplay.from_estimator(detector, spotted, sample_names=names)
plt.show()

# %%
# Outliers among the rows of the fit
# ----------------------------------
# Without ``novelty``, the rows of the fit are judged themselves, each by a net that was trained on
# others. A tenth of these tumours are malignant.

from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

malignant = tumours.data[tumours.target == 0][:40]
mixed = np.concatenate([benign, malignant])
is_malignant = np.arange(len(mixed)) >= len(benign)
for judge in (DAEOutlierDetector, IsolationForest):
    scores = judge(random_state=0).fit(mixed).score_samples(mixed)
    print(f"{judge.__name__}: AUC {roc_auc_score(is_malignant, -scores):.3f}")
