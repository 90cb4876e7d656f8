"""The elementwise ops as SymPy expressions: what their values and derivatives are checked against."""

from functools import partial

import sympy as sp


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
    "arcsin_slope": lambda x: 1 / sp.sqrt(1 - x**2),
    "arcsinh_slope": lambda x: 1 / sp.sqrt(1 + x**2),
    "arctan_slope": lambda x: 1 / (1 + x**2),
    "arctanh_slope": lambda x: 1 / (1 - x**2),
    "bell": lambda x: sp.exp(-(x**2) / 2),
    "direction": lambda a, b: a / sp.sqrt(a**2 + b**2),
    "squared_exponential": lambda x: sp.exp(-(x**2)),
    "inverted": lambda a, b: a / (a**2 + b**2),
    "logit_slope": lambda p: 1 / (p * (1 - p)),
    "exp_share": lambda a, b: 1 / (1 + sp.exp(b - a)),
    "exp2_share": lambda a, b: 1 / (1 + 2 ** (b - a)),
    "sigmoid_slope": lambda _, x: 1 / (2 + sp.exp(x) + sp.exp(-x)),
    "tanh_slope": lambda _, x: 1 / sp.cosh(x) ** 2,
    "arccosh": sp.acosh,
    "arcsin": sp.asin,
    "arcsinh": sp.asinh,
    "arctan": sp.atan,
    "arctan2": sp.atan2,
    "arctanh": sp.atanh,
    "cbrt": lambda x: sp.sign(x) * sp.Abs(x) ** sp.Rational(1, 3),
    "bessel_j": sp.besselj,
    "bessel_k": sp.besselk,
    "bessel_y": sp.bessely,
    "beta": lambda a, b: sp.gamma(a) * sp.gamma(b) / sp.gamma(a + b),
    "betaln": lambda a, b: sp.log(sp.gamma(a) * sp.gamma(b) / sp.gamma(a + b)),
    "erfcinv": lambda x: sp.erfinv(1 - x),
    "lower_beta": lambda a, b, x: sp.integrate(T ** (a - 1) * (1 - T) ** (b - 1), (T, 0, x)) / sp.beta(a, b),
    "lower_gamma": lambda a, x: sp.lowergamma(a, x) / sp.gamma(a),
    "lower_t": student,
    "rgamma": lambda x: 1 / sp.gamma(x),
    "scaled_i": lambda v, x: sp.exp(-sp.Abs(x)) * sp.besseli(v, x),
    "upper_gamma": lambda a, x: sp.uppergamma(a, x) / sp.gamma(a),
    "cbrt_slope": lambda _, x: sp.Abs(x) ** sp.Rational(-2, 3) / 3,
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
    "erfcx": lambda x: sp.exp(x**2) * sp.erfc(x),
    "erfinv": sp.erfinv,
    "exp": sp.exp,
    "exp2": lambda x: 2**x,
    "expm1": lambda x: sp.exp(x) - 1,
    "fabs": sp.Abs,
    "float_power": lambda a, b: a**b,
    "fmax": sp.Max,
    "fmin": sp.Min,
    "fmod": lambda a, b: sp.sign(a) * (sp.Abs(a) - sp.Abs(b) * Floor(sp.Abs(a) / sp.Abs(b))),
    "gamma": sp.gamma,
    "gammaln": sp.loggamma,
    "gelu": gelu,
    "hard_shrink": lambda x, width=0.5: pieces((x, sp.Abs(x) > width), 0),
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
    "selu": lambda x: exponential_unit(x, **SELU),
    "sigmoid": lambda x: 1 / (1 + sp.exp(-x)),
    "sign": sp.sign,
    "silu": lambda x: x / (1 + sp.exp(-x)),
    "sin": sp.sin,
    "sinc": sinc,
    "sinc_derivative": lambda x, order=1: sp.diff(sinc(x), x, order),
    "sinh": sp.sinh,
    "soft_shrink": lambda x, width: sp.sign(x) * sp.Max(sp.Abs(x) - width, 0),
    "softplus": softplus,
    "softsign": lambda x: x / (1 + sp.Abs(x)),
    "sqrt": sp.sqrt,
    "square": lambda x: x**2,
    "tan": sp.tan,
    "tanh": sp.tanh,
    "threshold": lambda x, limit, value: pieces((x, x > limit), value),
    "xlog1py": lambda a, b: a * sp.log(1 + b),
    "xlogy": lambda a, b: a * sp.log(b),
}

WITHOUT_EXPRESSION = {
    **dict.fromkeys(
        ("binary_step", "ceil", "floor", "floor_divide", "heaviside", "rint", "round", "trunc"),
        "constant between its jumps: there is nothing to derive, and the conventions are tested by themselves",
    ),
}
