"""Ways to save an estimator and to get it back."""

import io
import pickle

import joblib


def by_pickle(dae):
    return pickle.loads(pickle.dumps(dae))


def by_joblib(dae):
    file = io.BytesIO()
    joblib.dump(dae, file)
    file.seek(0)
    return joblib.load(file)
