"""What single steps become in ONNX where the ops' own test cases do not lead: integers, truths, indices, refusals."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tests.engines.engines import fed, session
from tinygrad_bp.errors import ExportError

pytest.importorskip("onnx", reason="the onnx extra is not installed")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed (extra `test`)")
pytestmark = pytest.mark.once

rng = np.random.default_rng(0)
x = rng.normal(size=(3, 4))
n = np.array([[5, -3, 7], [0, 2, -8]])
b = x > 0
at = np.array([2, -1, 0])

SAME = {
    "whole division": (lambda n: (n // 3, n % 3, n // -2, n % -2), n),
    "whole numbers rounded": (lambda n: (tg.floor(n), tg.trunc(n)), n),
    "truths compared": (lambda b: (b == b[::-1], b < b[::-1], b & ~b, b | b, b != b[::-1]), b),
    "numbers as truths": (lambda n: (tg.logical_and(n, n > 1), tg.logical_not(n)), n),
    "truths chosen": (lambda b: tg.where(b, b[::-1], ~b), b),
    "real": (lambda x: tg.real(x) + 1, x),
    "a number times a vector": (lambda x: tg.dot(x[0, 0], x[1]), x),
    "an outer product": (lambda x: tg.outer(x[0], x[1]), x),
    "products of many axes": (lambda z: tg.dot(z, z), rng.normal(size=(2, 2, 2))),
    "joined flat": (lambda x: tg.concatenate([x, x[0]], axis=None), x),
    "norms": (lambda x: tuple([tg.linalg.norm(x, ord=p, axis=1) for p in (0, 1, 2, 3, np.inf, -np.inf)]), x),
    "the first axis": (lambda x: (np.add.reduce(x), tg.sum(x, axis=0)), x),
    "triangles": (lambda x: (tg.tril(x), tg.triu(x, 1)), x),
    "an index of truths": (lambda x: x[:, np.array([True, False, True, True])], x),
    "indices apart": (lambda x, at: (x[at, 1:3], x[at, None, at], x[0, at], x[at, ..., -1]), x, at),
    "a uniform constant": (lambda x: x + np.full((3, 4), 2.0) * np.ones((100, 1, 1)), x),
    "a number of Python's": (lambda x, p: tg.linalg.norm(x, ord=p), x[0], 3.0),
    "integers": (lambda n: (tg.sum(n), tg.max(n), tg.abs(n), tg.sign(n), tg.sort(n)), n),
    "small integers": (lambda n: tg.sum(n, axis=0), n.astype(np.int16)),
}  # fmt: skip


def results(f, inputs):
    found = f(*[tg.asarray(v) if isinstance(v, np.ndarray) else v for v in inputs])
    return [np.asarray(getattr(y, "data", y)) for y in (found if isinstance(found, tuple) else (found,))]


@pytest.mark.parametrize("what", SAME)
def test_it_is_what_numpy_gives(what):
    f, *inputs = SAME[what]
    model = tg.export.onnx(f, *inputs)
    wanted = results(f, inputs)
    arrays = inputs[: len(model.graph.input)]
    for got, want in zip(session(model).run(None, fed(model, arrays)), wanted, strict=True):
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_a_loop_over_nothing_but_its_carry():
    def f(x):
        return tg.scan(lambda carry, _: (0.5 * carry + 1, carry), x, None, length=5)

    model = tg.export.onnx(f, x)
    last, each = session(model).run(None, fed(model, [x]))
    np.testing.assert_allclose(last, f(tg.asarray(x))[0].data)
    assert each.shape == (5, 3, 4)


REFUSED = {
    "a large system": (lambda a: tg.linalg.inv(a), np.eye(30)),
    "a large factor": (lambda a: tg.linalg.cholesky(a), np.eye(30)),
    "other borders": (lambda x: tg.pad(x, 1, mode="linear_ramp"), x),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused(what):
    f, *inputs = REFUSED[what]
    with pytest.raises(ExportError, match="has no form in ONNX"):
        tg.export.onnx(f, *inputs)


def test_whole_results_that_hold_for_some_values_only():
    def f(z, labels):
        return tg.softmax_cross_entropy(z, labels), tg.argmax(z, axis=1)

    with pytest.raises(ExportError, match="int64 has no NaN"):
        tg.export.onnx(f, x, at % 4)
