"""scikit-learn's estimators: networks for its pipelines, searches and cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self, final

import numpy as np

from tinygrad_bp import functions
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, DataError, ShapeError, missing_extra
from tinygrad_bp.modes import no_grad
from tinygrad_bp.nn.activations import Activation
from tinygrad_bp.nn.checks import Array, nonnegative, whole
from tinygrad_bp.nn.fitting import fit
from tinygrad_bp.nn.history import History
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.optim import Rate
from tinygrad_bp.nn.stopping import EarlyStopping
from tinygrad_bp.nn.tabular import Builder, Loss, cost_of, hidden_widths, model_of, network, optimizer_of, with_weights
from tinygrad_bp.tensor import Tensor, asarray

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    raise missing_extra("scikit-learn", "sklearn") from error

AUTO_BATCH = 200
"""Examples in a batch by default, scikit-learn's number."""

CHUNK = 1 << 14
"""Examples that are predicted at a time."""

FLOATS = (np.float64, np.float32)

Examples = tuple[Array, Array, Array | None]
"""X (m, n), targets (m, outputs) and weights (m,), None where all count alike."""


class _Network(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators share: the settings, and training."""

    @guarded
    def __init__(
        self,
        hidden: Sequence[int] = (100,),
        activation: str | Activation = "relu",
        *,
        optimizer: str | Callable[[list[Tensor]], Any] = "adam",
        learning_rate: Rate = 0.001,
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        max_iter: int = 200,
        shuffle: bool = True,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        module: Builder | None = None,
        loss: Loss | None = None,
        backend: Literal["auto", "numpy", "numba", "eager"] = "auto",
    ):
        self.hidden = hidden
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.module = module
        self.loss = loss
        self.backend = backend

    # --- learning ---

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from examples X (m, n) with targets y; one of weight w counts as if it were there w times.

        That is exact where all examples are one batch; in smaller ones w scales what an example adds to a step. Raises
        ValueError for what is no such table, and what `tinygrad_bp.nn.fit` raises.
        """
        goes_on = self.warm_start and hasattr(self, "model_")
        X, targets, weights = self._examples(X, y, sample_weight, goes_on)
        if not goes_on:
            self._start(X, targets)
        self._optimizer = optimizer_of(self.model_.parameters(), self.optimizer, self.learning_rate)
        least = whole("n_iter_no_change", self.n_iter_no_change, 1)
        stopping = EarlyStopping(least, minimum=nonnegative("tol", self.tol), restore=self.early_stopping)
        return self._train(X, targets, weights, whole("max_iter", self.max_iter, 1), stopping)

    def _pass(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """Once over the examples, with the model and the optimizer that are there, if there are."""
        goes_on = hasattr(self, "model_")
        X, targets, weights = self._examples(X, y, sample_weight, goes_on, classes)
        if not goes_on:
            self._start(X, targets)
            self._optimizer = optimizer_of(self.model_.parameters(), self.optimizer, self.learning_rate)
        return self._train(X, targets, weights, 1, None)

    def _examples(self, X: Any, y: Any, sample_weight: Any, goes_on: bool, classes: Any = None) -> Examples:
        """What the user gave, checked; examples of weight 0 are left out."""
        X, y = validate_data(self, X, y, reset=not goes_on, dtype=FLOATS, multi_output=True)
        targets = self._targets(y, X.dtype, goes_on, classes)
        if sample_weight is None:
            return X, targets, None
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        there = weights > 0
        if not there.any():
            raise DataError("all weights are zero: there is no example to learn from.")
        return X[there], targets[there], weights[there]

    def _targets(self, y: Any, dtype: Any, goes_on: bool, classes: Any) -> Array:
        """The targets as the cost takes them, (m, outputs)."""
        raise NotImplementedError

    def _losses(self, prediction: Any, target: Any) -> Any:
        """The loss of each example, where the user has none."""
        raise NotImplementedError

    def _start(self, X: Array, targets: Array) -> None:
        """A new model, before it has learned anything."""
        self._generator = np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1))
        sizes = X.shape[1], targets.shape[1]
        if self.module is None:
            widths = [sizes[0], *hidden_widths(self.hidden), sizes[1]]
            self.model_: Layer = network(widths, self.activation, self._generator, X.dtype)
        else:
            self.model_ = model_of(self.module, *sizes, self._generator)
        self.loss_curve_: list[float] = []

    def _train(self, X: Array, targets: Array, weights: Any, epochs: int, stopping: EarlyStopping | None) -> Self:
        strata = targets if is_classifier(self) else None
        weighted, mean_weight = weights is not None, 1.0 if weights is None else float(weights.mean())
        if weighted:
            targets = with_weights(targets, weights)
        validation: tuple[Array, Array] | None = None
        if stopping is not None and self.early_stopping:
            X, targets, validation = self._split(X, targets, strata)
        size = AUTO_BATCH if self.batch_size == "auto" else whole("batch_size", self.batch_size, 1)
        batch = min(size, len(X))
        penalty = nonnegative("alpha", self.alpha) / (batch * mean_weight)
        self.history_: History = fit(
            self.model_.train(),
            X,
            targets,
            cost_of(self._losses if self.loss is None else self.loss, self.model_, penalty, weighted),
            self._optimizer,
            epochs=epochs,
            batch=batch,
            seed=self._generator,
            shuffle=self.shuffle,
            progress=True if self.verbose else None,
            backend=self.backend,
            validation=validation,
            early_stopping=stopping,
        )
        self.model_.eval()
        self.loss_curve_ += self.history_.column("cost")
        self.n_iter_: int = len(self.loss_curve_)
        return self

    def _split(self, X: Array, targets: Array, strata: Array | None) -> tuple[Array, Array, tuple[Array, Array]]:
        """X and targets for training, and both for validation."""
        seed = int(self._generator.integers(2**31))
        parts = train_test_split(X, targets, test_size=self.validation_fraction, random_state=seed, stratify=strata)
        return parts[0], parts[2], (parts[1], parts[3])

    # --- in use ---

    def _outputs(self, X: Any) -> Array:
        """The model's outputs for new examples, (m, outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=FLOATS)
        with no_grad():
            return np.concatenate([self.model_(asarray(X[i : i + CHUNK])).data for i in range(0, len(X), CHUNK)])


@final
class NetworkClassifier(ClassifierMixin, _Network):  # type: ignore[misc]  # as above
    """A neural network as a classifier of scikit-learn: binary or of several classes, with labels of any kind.

    hidden: the widths of the hidden layers, each with `activation` after it; or module, a function of the number of
    features, the number of outputs (1 for two classes) and a random generator that returns a `Layer`, whose outputs are
    logits. optimizer: "adam", "adamw", "sgd", "rmsprop", "adagrad" with learning_rate, or a function of the parameters
    that returns one. loss: a function of outputs and targets (m, outputs), by default cross-entropy; the penalty
    alpha/(2·batch)·Σ W² comes to it. batch_size: "auto" is 200. Training ends after max_iter epochs, or after
    n_iter_no_change in which the cost did not sink by tol; with early_stopping the cost is that of validation_fraction
    of the examples, and the best weights are put back. backend: as of `fit`. The others are `MLPClassifier`'s. Fitted
    attributes: classes_, model_, n_iter_, loss_curve_, history_.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> NetworkClassifier((20,), learning_rate=0.02, random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go once over these examples, from where the last call ended; `classes`, all labels, at the first call."""
        if classes is None and not hasattr(self, "model_"):
            raise ArgumentError("partial_fit needs all classes at its first call. Pass classes=np.unique(all_labels).")
        return self._pass(X, y, sample_weight, classes)

    def predict(self, X: Any) -> Array:
        """The most probable class of each example, (m,)."""
        z = self._outputs(X)
        best = np.argmax(z, axis=1) if z.shape[1] > 1 else (z[:, 0] > 0).astype(int)
        return self.classes_[best]  # type: ignore[no-any-return]

    def predict_proba(self, X: Any) -> Array:
        """The probabilities of the classes, (m, classes), in the order of `classes_`."""
        z = self._outputs(X)
        p: Array = functions.sigmoid(np.hstack([-z, z])) if z.shape[1] == 1 else functions.softmax(z, axis=1)
        return p

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of the probabilities, (m, classes), exact where these are near 0."""
        z = self._outputs(X)
        p: Array = functions.log_sigmoid(np.hstack([-z, z])) if z.shape[1] == 1 else functions.log_softmax(z, axis=1)
        return p

    def decision_function(self, X: Any) -> Array:
        """The logits: (m,) for two classes, above 0 for the second; (m, classes) for more."""
        z = self._outputs(X)
        return z[:, 0] if z.shape[1] == 1 else z

    def _targets(self, y: Any, dtype: Any, goes_on: bool, classes: Any) -> Array:
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        if not goes_on:
            self.classes_: Array = np.unique(y if classes is None else classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ArgumentError(f"classes are {self.classes_} since the first call; got {np.unique(classes)}.")
        if len(self.classes_) < 2:
            raise DataError(f"a classifier needs two classes; y has one class, {self.classes_[0]!r}.")
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise DataError(f"y has the classes {unknown}, which are not among {self.classes_}, known from the start.")
        number: Array = np.searchsorted(self.classes_, y)
        if len(self.classes_) == 2:
            return number.reshape(-1, 1).astype(dtype)
        return np.equal.outer(number, range(len(self.classes_))).astype(dtype)

    def _losses(self, prediction: Any, target: Any) -> Any:
        if len(self.classes_) == 2:
            return functions.binary_cross_entropy_with_logits(prediction, target, reduction="none")
        return functions.softmax_cross_entropy(prediction, target, reduction="none")


@final
class NetworkRegressor(RegressorMixin, _Network):  # type: ignore[misc]  # as above
    """A neural network as a regressor of scikit-learn, for one target or several.

    The settings are those of `NetworkClassifier`; the model has an output for each target, and the loss is by default
    half the squared error. Neither X nor y is scaled: put a `StandardScaler` before it, and a
    `TransformedTargetRegressor` around it where targets are large. Fitted: model_, n_iter_, loss_curve_, history_.

    >>> import numpy as np
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> model = NetworkRegressor((20,), "tanh", learning_rate=0.02, n_iter_no_change=50, random_state=0)
    >>> model.fit(X, np.sin(3 * X[:, 0])).score(X, np.sin(3 * X[:, 0])) > 0.9
    True
    """

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go once over these examples, from where the last call ended."""
        return self._pass(X, y, sample_weight)

    def predict(self, X: Any) -> Array:
        """The predictions, (m,) or (m, targets) as y was."""
        z = self._outputs(X)
        return z[:, 0] if self._flat else z

    def _targets(self, y: Any, dtype: Any, goes_on: bool, classes: Any) -> Array:
        targets: Array = y.reshape(len(y), -1).astype(dtype)
        if goes_on and targets.shape[1] != self.n_outputs_:
            raise ShapeError(f"y has {targets.shape[1]} targets, expected {self.n_outputs_} as at the first call.")
        self._flat: bool = y.ndim == 1
        self.n_outputs_: int = targets.shape[1]
        return targets

    def _losses(self, prediction: Any, target: Any) -> Any:
        return functions.mse(prediction, target, reduction="none") * 0.5

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
