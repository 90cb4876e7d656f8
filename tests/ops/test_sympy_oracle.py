"""A second oracle: the derivative of each elementwise op is SymPy's derivative of its formula, to nine digits."""

from functools import partial

import numpy as np
import pytest

from tinygrad_bp.registry import OPS

sp = pytest.importorskip("sympy")

POINTS = 6
KINK_DISTANCE = 0.01


class Floor(sp.Function):
    """⌊x⌋ between its jumps: SymPy's own leaves its derivative open."""

    def fdiff(self, argindex=1):
        return sp.S.Zero

    def _eval_evalf(self, precision):
        return sp.floor(self.args[0]).evalf()


def pieces(*choices):
    """(value, condition), … , and what else."""
    return sp.Piecewise(*choices[:-1], (choices[-1], True))


def between(low, x, high):
    return sp.Min(sp.Max(x, low), high)


def softplus(x):
    return sp.log(1 + sp.exp(x))


def exponential_unit(x, alpha, scale=1, stretch=1):
    return scale * pieces((x, x > 0), alpha * (sp.exp(x / stretch) - 1))


def normal(x):
    return sp.erfc(-x / sp.sqrt(2)) / 2


def gelu(x, approximate):
    if approximate == "none":
        return x * normal(x)
    return x / 2 * (1 + sp.tanh(sp.sqrt(2 / sp.pi) * (x + sp.Float("0.044715", 40) * x**3)))


def sinc(x):
    return sp.sin(sp.pi * x) / (sp.pi * x)


T = sp.Symbol("t", positive=True)


def student(df, x):
    """The distribution function of Student's t, from its density's series."""
    half = sp.Rational(1, 2)
    slope = sp.gamma((df + 1) * half) / (sp.sqrt(sp.pi * df) * sp.gamma(df * half))
    return half + x * slope * sp.hyper([half, (df + 1) * half], [3 * half], -(x**2) / df)


SELU = {"scale": 1.0507009873554805, "alpha": 1.6732632423543772}

EXPRESSIONS = {
    "absolute": sp.Abs,
    "arccos": sp.acos,
    "arccosh": sp.acosh,
    "arcsin": sp.asin,
    "arcsinh": sp.asinh,
    "arctan": sp.atan,
    "arctan2": sp.atan2,
    "arctanh": sp.atanh,
    "bessel_j": sp.besselj,
    "bessel_k": sp.besselk,
    "bessel_y": sp.bessely,
    "beta": lambda a, b: sp.gamma(a) * sp.gamma(b) / sp.gamma(a + b),
    "betaln": lambda a, b: sp.log(sp.gamma(a) * sp.gamma(b) / sp.gamma(a + b)),
    "cbrt": lambda x: sp.sign(x) * sp.Abs(x) ** sp.Rational(1, 3),
    "celu": lambda x, alpha: exponential_unit(x, alpha, stretch=alpha),
    "clamp": lambda x, low, high: between(low, x, high),
    "copysign": lambda a, b: sp.Abs(a) * sp.sign(b),
    "cos": sp.cos,
    "cosh": sp.cosh,
    "deg2rad": lambda x: x * sp.pi / 180,
    "degrees": lambda x: x * 180 / sp.pi,
    "divide": lambda a, b: a / b,
    "elu": exponential_unit,
    "erf": sp.erf,
    "erfc": sp.erfc,
    "erfcinv": lambda x: sp.erfinv(1 - x),
    "erfcx": lambda x: sp.exp(x**2) * sp.erfc(x),
    "erfinv": sp.erfinv,
    "exp": sp.exp,
    "exp2": lambda x: 2**x,
    "expm1": lambda x: sp.exp(x) - 1,
    "fabs": sp.Abs,
    "float_power": lambda a, b: a**b,
    "fmax": sp.Max,
    "fmin": sp.Min,
    "fmod": lambda a, b: sp.sign(a) * (sp.Abs(a) - b * Floor(sp.Abs(a) / b)),
    "gamma": sp.gamma,
    "gammaln": lambda x: sp.log(sp.gamma(x)),
    "gelu": gelu,
    "hard_shrink": lambda x, width: pieces((x, sp.Abs(x) > width), 0),
    "hard_sigmoid": lambda x: between(0, x / 6 + sp.Rational(1, 2), 1),
    "hard_swish": lambda x: x * between(0, x / 6 + sp.Rational(1, 2), 1),
    "hard_tanh": lambda x: between(-1, x, 1),
    "hypot": lambda a, b: sp.sqrt(a**2 + b**2),
    "i0": partial(sp.besseli, 0),
    "identity": lambda x: x,
    "iv": sp.besseli,
    "leaky_relu": lambda x, slope: pieces((x, x > 0), slope * x),
    "log": sp.log,
    "log10": lambda x: sp.log(x, 10),
    "log1p": lambda x: sp.log(1 + x),
    "log2": lambda x: sp.log(x, 2),
    "log_ndtr": lambda x: sp.log(normal(x)),
    "log_sigmoid": lambda x: -softplus(-x),
    "logaddexp": lambda a, b: sp.log(sp.exp(a) + sp.exp(b)),
    "logaddexp2": lambda a, b: sp.log(2**a + 2**b, 2),
    "logit": lambda p: sp.log(p / (1 - p)),
    "lower_beta": lambda a, b, x: sp.integrate(T ** (a - 1) * (1 - T) ** (b - 1), (T, 0, x)) / sp.beta(a, b),
    "lower_gamma": lambda a, x: sp.lowergamma(a, x) / sp.gamma(a),
    "lower_t": student,
    "maximum": sp.Max,
    "minimum": sp.Min,
    "mish": lambda x: x * sp.tanh(softplus(x)),
    "multiply": lambda a, b: a * b,
    "nan_to_num": lambda x, **_: x,
    "parametric_relu": lambda x, a: pieces((x, x > 0), a * x),
    "polygamma": sp.polygamma,
    "power": lambda a, b: a**b,
    "psi": sp.digamma,
    "rad2deg": lambda x: x * 180 / sp.pi,
    "radians": lambda x: x * sp.pi / 180,
    "reciprocal": lambda x: 1 / x,
    "relu": lambda x: sp.Max(x, 0),
    "relu6": lambda x: between(0, x, 6),
    "remainder": lambda a, b: a - b * Floor(a / b),
    "rgamma": lambda x: 1 / sp.gamma(x),
    "scaled_i": lambda v, x: sp.exp(-sp.Abs(x)) * sp.besseli(v, x),
    "selu": lambda x: exponential_unit(x, **SELU),
    "sigmoid": lambda x: 1 / (1 + sp.exp(-x)),
    "sign": sp.sign,
    "silu": lambda x: x / (1 + sp.exp(-x)),
    "sin": sp.sin,
    "sinc": sinc,
    "sinc_derivative": lambda x, order: sp.diff(sinc(x), x, order),
    "sinh": sp.sinh,
    "soft_shrink": lambda x, width: sp.sign(x) * sp.Max(sp.Abs(x) - width, 0),
    "softplus": softplus,
    "softsign": lambda x: x / (1 + sp.Abs(x)),
    "sqrt": sp.sqrt,
    "square": lambda x: x**2,
    "tan": sp.tan,
    "tanh": sp.tanh,
    "threshold": lambda x, limit, value: pieces((x, x > limit), value),
    "upper_gamma": lambda a, x: sp.uppergamma(a, x) / sp.gamma(a),
    "xlog1py": lambda a, b: a * sp.log(1 + b),
    "xlogy": lambda a, b: a * sp.log(b),
}

WITHOUT_EXPRESSION = {
    **dict.fromkeys(
        ("binary_step", "ceil", "floor", "floor_divide", "heaviside", "rint", "round", "trunc"),
        "constant between its jumps: there is nothing to derive, and the conventions are tested by themselves",
    ),
}

ELEMENTWISE = sorted(name for name, record in OPS.items() if record.derivatives and any(record.derivatives))


def test_every_elementwise_op_has_an_expression_or_a_reason():
    assert sorted([*EXPRESSIONS, *WITHOUT_EXPRESSION]) == ELEMENTWISE


def drawn(random, domain, i):
    low, high = domain.intervals[min(i, len(domain.intervals) - 1)]
    if domain.kinds[min(i, len(domain.kinds) - 1)] == "i":
        return random.integers(int(low), int(high))
    return np.float64(random.uniform(low, high))


def points(record, params):
    """Inputs from the op's domain, away from its kinks."""
    random, domain, found = np.random.default_rng(1), record.domain, []
    while len(found) < POINTS:
        xs = [drawn(random, domain, i) for i in range(len(record.derivatives))]
        if domain.prepare is not None:
            xs = [x[()] for x in domain.prepare(*xs, **params)]
        if domain.kink is None or np.all(np.abs(domain.kink(*xs, **params)) > KINK_DISTANCE):
            found.append(xs)
    return found


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_derivatives_are_sympys(name):
    record = OPS[name]
    for params in record.domain.params(*[()] * len(record.derivatives)):
        filled = {**record.defaults, **params}
        for xs in points(record, params):
            symbols = [sp.Symbol(f"x{i}", real=True) for i in range(len(xs))]
            operands = [s if isinstance(x, np.floating) else int(x) for s, x in zip(symbols, xs, strict=True)]
            values = {s: sp.Float(float(x), 40) for s, x in zip(symbols, xs, strict=True)}
            formula = EXPRESSIONS[name](*operands, **filled)
            y = record.forward(*xs, **filled)
            assert float(y) == pytest.approx(float(formula.evalf(30, subs=values)), rel=1e-9, abs=1e-13)
            for derivative, s in zip(record.derivatives, symbols, strict=True):
                if derivative is not None:
                    expected = float(sp.diff(formula, s).evalf(30, subs=values))
                    got = float(derivative(y, *xs, **filled))
                    assert got == pytest.approx(expected, rel=1e-9, abs=1e-13), (xs, params, s)
