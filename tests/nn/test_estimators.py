"""scikit-learn's own checks, its `MLPClassifier` as an oracle, and what its tools do with the estimators."""

import subprocess
import sys

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, DataError, MissingExtraError, ShapeError
from tinygrad_bp.nn import NetworkClassifier, NetworkRegressor

with pytest.MonkeyPatch.context() as _patch:  # scikit-learn 1.6 asks for it wherever array-api-compat is installed
    _patch.setenv("SCIPY_ARRAY_API", "1")
    from sklearn.utils.estimator_checks import parametrize_with_checks


class Wide:
    """A module with a name that is the same in every process."""

    def __call__(self, features, outputs, generator):
        first = tg.nn.Linear(features, 30, seed=generator)
        return tg.nn.Sequential(first, tg.nn.Tanh(), tg.nn.Linear(30, outputs, seed=generator))

    def __eq__(self, other):
        return isinstance(other, Wide)

    def __hash__(self):
        return hash(Wide)

    def __repr__(self):
        return "Wide()"


@pytest.mark.once
@parametrize_with_checks([NetworkClassifier(), NetworkRegressor(), NetworkClassifier(module=Wide())])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X), y


@pytest.fixture(scope="module")
def wheat():
    X, y = tg.datasets.load_seeds()
    return scale(X), np.array(["Kama", "Rosa"])[y]


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X[:150]), scale(y[:150])


# --- the same numbers as scikit-learn's own networks ------------------------------------------------------------------


def weights_of(fitted):
    """A module that begins with the weights of a network of scikit-learn's."""

    def module(features, outputs, generator):
        layers = []
        for W, b in zip(fitted.coefs_, fitted.intercepts_, strict=True):
            layer = tg.nn.Linear(*W.shape)
            layer.load_state_dict({"W": W, "b": b})
            layers += [layer, tg.relu]
        return tg.nn.Sequential(*layers[:-1])

    return module


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("kind", ["binary", "classes", "regression"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_epoch_is_that_of_scikit_learns_network_from_the_same_weights(kind, solver, iris, wheat, diabetes):
    X, y = {"binary": wheat, "classes": iris, "regression": diabetes}[kind]
    ours, theirs = (NetworkRegressor, MLPRegressor) if kind == "regression" else (NetworkClassifier, MLPClassifier)
    settings = {"max_iter": 20, "n_iter_no_change": 30, "random_state": 0, "shuffle": False, "alpha": 0.5}
    start = theirs(hidden_layer_sizes=(30,), learning_rate_init=1e-300, **{**settings, "max_iter": 1}).fit(X, y)
    expected = theirs(hidden_layer_sizes=(30,), solver=solver, **settings).fit(X, y)
    got = ours(module=weights_of(start), optimizer=solver, **settings).fit(X, y)
    tolerance = 1e-10 if solver == "sgd" else 1e-4  # Adam's ε stands in another place there
    assert_allclose(got.loss_curve_, expected.loss_curve_, rtol=tolerance)
    assert got.n_iter_ == expected.n_iter_ == len(got.history_)
    if kind == "regression":
        assert_allclose(got.predict(X), expected.predict(X), rtol=0, atol=tolerance)
    else:
        assert_allclose(got.predict_proba(X), expected.predict_proba(X), rtol=0, atol=tolerance)


# --- what they learn --------------------------------------------------------------------------------------------------


def test_text_labels_and_what_is_known_of_them(wheat):
    X, y = wheat
    model = NetworkClassifier((16,), learning_rate=0.01, random_state=0).fit(X, y)
    assert_array_equal(model.classes_, ["Kama", "Rosa"])
    assert model.score(X, y) > 0.9
    p, z = model.predict_proba(X), model.decision_function(X)
    assert p.shape == (len(X), 2)
    assert z.shape == (len(X),)
    assert_array_equal(model.predict(X) == "Rosa", z > 0)
    assert_allclose(p.sum(axis=1), 1)
    assert_allclose(model.predict_log_proba(X), np.log(p), atol=1e-12)
    assert_allclose(p[:, 1], tg.sigmoid(z))


def test_logarithms_of_probabilities_are_finite_where_these_are_zero(iris):
    X, y = iris
    for labels in (y, y > 0):
        model = NetworkClassifier((16,), learning_rate=0.05, random_state=0).fit(X, labels)
        far = 1e4 * X
        assert model.predict_proba(far).min() == 0
        assert np.isfinite(model.predict_log_proba(far)).all()


def test_several_targets_at_once(diabetes):
    X, y = diabetes
    Y = np.column_stack([y, X[:, 2] - y])
    model = NetworkRegressor((30,), learning_rate=0.01, random_state=0).fit(X, Y)
    assert model.predict(X).shape == Y.shape
    assert model.score(X, Y) > 0.6
    assert NetworkRegressor(max_iter=1).fit(X, y).predict(X).shape == y.shape
    assert NetworkRegressor(max_iter=1).fit(X, y[:, None]).predict(X).shape == (len(y), 1)


def test_float32_stays_float32(iris):
    X, y = iris
    model = NetworkClassifier((8,), max_iter=70, random_state=0).fit(X.astype(np.float32), y)
    assert {p.dtype for p in model.model_.parameters()} == {np.dtype(np.float32)}
    assert model.predict_proba(X.astype(np.float32)).dtype == np.float32


def test_a_convolutional_network_on_images():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X[:600] / 16, y[:600], test_size=0.2, random_state=0)

    def module(features, outputs, generator):
        return tg.nn.Sequential(
            lambda x: x.reshape(-1, 1, 8, 8),
            tg.nn.Conv2d(1, 8, 3, seed=generator),
            tg.nn.ReLU(),
            tg.nn.MaxPool2d(2),
            tg.nn.Flatten(),
            tg.nn.Dropout(0.2, seed=generator),
            tg.nn.Linear(72, outputs, seed=generator),
        )

    model = NetworkClassifier(module=module, learning_rate=0.01, batch_size=50, max_iter=15, random_state=0)
    assert model.fit(X, y).score(X_test, y_test) > 0.9
    assert not model.model_.training
    assert_array_equal(model.predict(X), model.predict(X))


def test_optimizers_losses_and_schedules_of_ones_own(diabetes):
    X, y = diabetes
    model = NetworkRegressor(
        (20,),
        "tanh",
        optimizer=lambda params: tg.nn.AdamW(params, lr=tg.nn.CosineDecay(0.05, steps=200)),
        loss=lambda prediction, target: tg.huber(prediction, target, reduction="none"),
        random_state=0,
    )
    weights = np.arange(len(X))
    assert model.fit(X, y, weights).score(X, y, weights) > 0.7
    for name in ("adam", "adamw", "sgd", "rmsprop", "adagrad"):
        model = NetworkRegressor((20,), optimizer=name, learning_rate=tg.nn.StepDecay(0.01, 50), random_state=0)
        costs = model.fit(X, y).loss_curve_
        assert costs[-1] < 0.8 * costs[0], name


# --- weights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["binary", "classes", "targets"])
def test_a_weight_is_so_many_examples(kind, iris, wheat, diabetes):
    X, y = {"binary": wheat, "classes": iris, "targets": (diabetes[0], np.column_stack([diabetes[1]] * 2))}[kind]
    X, y = X[::3], y[::3]
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    kind = NetworkRegressor if kind == "targets" else NetworkClassifier
    settings = {"hidden": (20,), "alpha": 0.3, "random_state": 0, "max_iter": 100}
    weighted = kind(**settings).fit(X, y, weights)
    repeated = kind(**settings).fit(X.repeat(weights, axis=0), y.repeat(weights, axis=0))
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)
    if kind is NetworkClassifier:
        assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-8)
    else:
        assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-8)


def test_in_small_batches_weight_zero_is_absence_and_a_common_factor_changes_nothing(iris):
    X, y = iris
    settings = {"hidden": (20,), "alpha": 0.0, "random_state": 0, "batch_size": 16, "max_iter": 10}
    weights = np.random.default_rng(0).uniform(0, 2, len(X)) * (np.arange(len(X)) % 5 > 0)
    model = NetworkClassifier(**settings).fit(X, y, weights)
    there = weights > 0
    others = [
        NetworkClassifier(**settings).fit(X[there], y[there], weights[there]),
        NetworkClassifier(**settings).fit(X, y, 8 * weights),
    ]
    for other in others:
        assert_allclose(other.loss_curve_, model.loss_curve_, rtol=1e-12)


def test_weights_move_the_decision(wheat):
    X, y = wheat
    plain, leaning = (NetworkClassifier((4,), max_iter=50, random_state=0) for _ in range(2))
    plain.fit(X, y)
    leaning.partial_fit(X, y, classes=["Rosa", "Kama"], sample_weight=np.where(y == "Rosa", 9.0, 1.0))
    leaning.set_params(warm_start=True).fit(X, y, np.where(y == "Rosa", 9.0, 1.0))
    assert (leaning.predict_proba(X)[:, 1] > plain.predict_proba(X)[:, 1]).mean() > 0.9


# --- going on, and ending ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [50, 150])
def test_so_many_passes_are_a_fit_of_so_many_epochs(iris, batch_size):
    X, y = iris
    settings = {"hidden": (10,), "batch_size": batch_size, "random_state": 0, "n_iter_no_change": 30}
    whole = NetworkClassifier(max_iter=20, **settings).fit(X, y)
    passes = NetworkClassifier(**settings)
    for i in range(20):
        passes.partial_fit(X, y, classes=[0, 1, 2] if i == 0 else None)
    assert passes.n_iter_ == len(passes.loss_curve_) == 20
    assert_allclose(passes.loss_curve_, whole.loss_curve_, rtol=1e-9)


def test_a_pass_may_lack_classes_but_not_have_others(iris, diabetes):
    X, y = iris
    model = NetworkClassifier((10,), random_state=0)
    with pytest.raises(ArgumentError, match="needs all classes at its first call"):
        model.partial_fit(X, y)
    model.partial_fit(X[:60], y[:60], classes=[2, 1, 0])
    assert model.predict_proba(X).shape == (150, 3)
    with pytest.raises(ArgumentError, match="classes are"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(DataError, match="not among"):
        model.partial_fit(X, y + 1)
    model = NetworkRegressor(max_iter=1).partial_fit(*diabetes)
    with pytest.raises(ShapeError, match="2 targets, expected 1"):
        model.partial_fit(diabetes[0], np.column_stack([diabetes[1]] * 2))


def test_a_warm_start_goes_on(iris):
    X, y = iris
    model = NetworkClassifier((10,), max_iter=30, warm_start=True, random_state=0)
    first = list(model.fit(X, y).loss_curve_)
    both = model.fit(X, y).loss_curve_
    assert both[:30] == first
    assert both[30] < first[-1]
    assert model.n_iter_ == 60
    assert model.set_params(warm_start=False).fit(X, y).loss_curve_ == first
    with pytest.raises(ValueError, match="features"):
        model.set_params(warm_start=True).fit(X[:, :3], y)


def test_training_ends_when_the_cost_does_not_sink(iris):
    X, y = iris
    model = NetworkClassifier((10,), tol=0.05, n_iter_no_change=3, random_state=0).fit(X, y)
    assert model.history_.stopped == "early stopping"
    assert model.n_iter_ < 200
    assert min(model.loss_curve_[:-3]) - min(model.loss_curve_[-3:]) <= 0.05


@pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])
def test_early_stopping_puts_the_best_weights_back(kind, iris, diabetes):
    X, y = iris if kind is NetworkClassifier else diabetes
    settings = {"learning_rate": 0.3, "validation_fraction": 0.3, "n_iter_no_change": 8, "alpha": 0.0}
    model = kind((50,), early_stopping=True, random_state=0, **settings).fit(X, y, np.arange(len(X)) % 2 + 1.0)
    history = model.history_
    assert history.stopped == "early stopping"
    assert history.best.epoch == len(history) - 8
    # Weights of later epochs would cost more: the training examples' cost says which they are.
    again = kind((50,), random_state=0, max_iter=history.best.epoch, early_stopping=True, **settings)
    again.fit(X, y, np.arange(len(X)) % 2 + 1.0)
    assert_allclose(model.predict(X), again.predict(X))


def test_progress_is_shown_when_asked_for(iris, capsys):
    NetworkClassifier((4,), max_iter=2, verbose=True, random_state=0).fit(*iris)
    shown = capsys.readouterr()
    assert "2" in shown.out + shown.err
    NetworkClassifier((4,), max_iter=2, random_state=0).fit(*iris)
    shown = capsys.readouterr()
    assert shown.out + shown.err == ""


# --- scikit-learn's tools ---------------------------------------------------------------------------------------------


def test_pipelines_searches_and_cross_validation_in_two_processes(iris):
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    pipeline = make_pipeline(StandardScaler(), NetworkClassifier((16,), learning_rate=0.02, random_state=0))
    assert cross_val_score(pipeline, X, names, cv=4, n_jobs=2).mean() > 0.9
    grid = {"networkclassifier__hidden": [(4,), (16, 8)]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, names)
    assert search.best_score_ > 0.9
    assert search.best_estimator_.score(X, names) > 0.9


def test_clones_have_the_settings_and_nothing_else(iris):
    model = NetworkClassifier((16,), module=Wide(), alpha=0.5, max_iter=2, random_state=0).fit(*iris)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "model_")
    with pytest.raises(ValueError, match="depth"):
        copy.set_params(depth=3)


def test_fitted_estimators_go_through_files_and_learn_on(iris, diabetes, tmp_path):
    for kind, (X, y) in ((NetworkClassifier, iris), (NetworkRegressor, diabetes)):
        model = kind((16,), "tanh", early_stopping=True, max_iter=70, random_state=0).fit(X, y)
        joblib.dump(model, tmp_path / "model.joblib")
        loaded = joblib.load(tmp_path / "model.joblib")
        assert_array_equal(loaded.predict(X), model.predict(X))
        assert loaded.history_ == model.history_ or list(loaded.history_) == list(model.history_)
        assert_array_equal(loaded.partial_fit(X, y).predict(X), model.partial_fit(X, y).predict(X))


def test_names_of_features(iris):
    pandas = pytest.importorskip("pandas")
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    model = NetworkClassifier((8,), max_iter=3, random_state=0)
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), model).fit(X, y)
    assert_array_equal(model.feature_names_in_, X.columns)
    assert model.n_features_in_ == 30
    assert set(pipeline.predict(X)) <= {0, 1}
    with pytest.raises(ValueError, match="feature names"):
        model.predict(pandas.DataFrame(X.to_numpy(), columns=X.columns[::-1]))


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden": 100}, "hidden lists the width"),
        ({"hidden": "100"}, "hidden lists the width"),
        ({"hidden": (0,)}, "hidden layer 1"),
        ({"activation": "sigmoidal"}, "activation is a function or one of"),
        ({"activation": 3}, "activation is a function or one of .*; got 3"),
        ({"optimizer": "adamm"}, "one of adagrad, adam, adamw"),
        ({"optimizer": 3}, r"^optimizer is .*; got 3\. Pass 'adam', say, or lambda params: tg\.nn\.SGD\(params"),
        ({"optimizer": ["adam"]}, r"^optimizer is .*; got \['adam'\]\. Pass"),
        ({"optimizer": tg.nn.SGD([tg.tensor(1.0, requires_grad=True)], 0.1)}, r"^optimizer is .*; got an? \w+\. Pass"),
        ({"learning_rate": -1.0}, "^learning_rate is a finite number"),
        ({"learning_rate": "adaptive"}, "^learning_rate is a finite number above 0; got 'adaptive'"),
        ({"loss": "mse"}, r"^loss is a function of outputs and targets; got 'mse'\. Pass tg\.mse, say\.$"),
        ({"loss": ""}, "^loss is a function of outputs and targets; got ''"),
        ({"alpha": -1.0}, "alpha"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_iter": 0}, "max_iter"),
        ({"n_iter_no_change": 0}, "n_iter_no_change"),
        ({"tol": -1.0}, "tol"),
        ({"backend": "torch"}, "backend"),
        ({"early_stopping": True, "validation_fraction": 2.0}, "test_size"),
        ({"module": lambda features, outputs, generator: None}, "module returns a layer"),
        ({"module": tg.nn.Linear(4, 3)}, "module is a function that builds the model, .*; got a model"),
        ({"module": "mlp"}, "module is a function that builds the model, .*; got 'mlp'. Pass lambda features, outputs"),
        ({"learning_rate": 1e300}, "training diverged"),
    ],
)
def test_settings_that_cannot_be(iris, settings, message):
    with pytest.raises(ValueError, match=message):
        NetworkClassifier(**settings).fit(*iris)
    with pytest.raises(
        TypeError, match=r"NetworkClassifier: there is no argument 'hidden_layer_sizes'.* takes hidden,"
    ):
        NetworkClassifier(hidden_layer_sizes=(8,))


def test_data_that_cannot_be(iris):
    X, y = iris
    with pytest.raises(DataError, match="needs two classes"):
        NetworkClassifier().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="zero"):
        NetworkRegressor().fit(X, y, np.zeros(len(X)))
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        NetworkRegressor().fit(X, y, np.full(len(X), -1.0))
    with pytest.raises(ArgumentError, match="the loss of each example"):
        NetworkRegressor(loss=tg.mse).fit(X, y, np.ones(len(X)))
    assert NetworkRegressor(loss=tg.mse, max_iter=2).fit(X, y).n_iter_ == 2


# --- without scikit-learn ---------------------------------------------------------------------------------------------


def test_the_package_imports_without_scikit_learn_and_says_what_is_missing():
    code = """
        import sys
        import tinygrad_bp as tg
        assert not any(name.startswith("sklearn") for name in sys.modules)
        sys.modules["sklearn"] = sys.modules["sklearn.base"] = None
        try:
            tg.nn.NetworkClassifier
        except tg.errors.MissingExtraError as error:
            print(error)
    """
    lines = "\n".join(line[8:] for line in code.splitlines())
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert "pip install 'tinygrad_bp[sklearn]'" in done.stdout


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="NetworkClusterer"):
        _ = tg.nn.NetworkClusterer
    assert issubclass(MissingExtraError, ImportError)
