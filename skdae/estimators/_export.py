"""Estimators as ONNX files, for whoever runs them without torch."""

from __future__ import annotations

import json
from os import PathLike

from sklearn.utils.validation import check_is_fitted

from skdae import __version__
from skdae.estimators._attributes import Attributes
from skdae.estimators._files import write_whole
from skdae.inference import onnx_model
from skdae.training import own_gradient_mode

__all__ = ["ExportMixin"]


class ExportMixin(Attributes):
    """Write what an estimator computes for other runtimes."""

    @own_gradient_mode()
    def to_onnx(self, path: str | PathLike, part: str = "denoise") -> None:
        """Write what the estimator computes to an ONNX file, which runs without Python and torch.

        Standardization and the sigmoid of logits are inside, and so are the weights. Input and
        output are float32, and are read as ``predict`` reads float32: in the units of X, and
        after a fit on ``uint8`` or ``uint16`` images as fractions, so divide by 255 or 65535.
        Samples have the shape ``sample_shape_``, channels last: gray images are ``(n_samples,
        height, width, 1)``, also where X had no axis of channels, or was flat.

        The number of samples is free. So are the sides of images and signals for nets that take
        any size, but not those of samples to decode. Samples run whole, without the tiles of
        ``predict``.

        Parameters
        ----------
        path : str or path-like
            The file. It appears whole or not at all: what was there before stays until then.
        part : {"denoise", "encode", "decode"}, default="denoise"
            What to write: "denoise" is ``predict``, "encode" is ``transform``, of the code alone,
            and "decode" is ``inverse_transform``.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If there is no such part, if torch cannot follow a module of yours, or if the weights
            have more than 2 GiB.
        OSError
            If the file cannot be written.
        ImportError
            If the package onnx or onnxscript is missing.
        """
        check_is_fitted(self)
        parts = ["denoise", "encode", "decode"] if self._decodes else ["denoise", "encode"]
        if part not in parts:
            why = f", since {self._owner} has no decoder" if part == "decode" else ""
            raise ValueError(
                f"The 'part' argument of {self._owner}.to_onnx must be one of {parts}{why}. Got "
                f"{part!r} instead."
            )
        facts = {
            "estimator": self._owner,
            "part": part,
            "sample_shape": json.dumps(self.sample_shape_),
            "dtype": self._format.dtype_name,
            "skdae_version": __version__,
        }
        model = onnx_model(
            self.net_,
            part,
            sample_shape=self.sample_shape_,
            code_shape=self._code_shape,
            owner=self._owner,
            facts=facts,
        )
        write_whole(path, [model])
