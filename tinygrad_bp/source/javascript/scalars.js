// Functions of numbers that JavaScript's Math lacks, or has with other conventions than NumPy.
const scalars = (() => {
  "use strict";
  const ROOT_PI = Math.sqrt(Math.PI);
  const square = (x) => x * x;
  const scale = (g, d) => (g === 0 && Number.isNaN(g * d) ? 0 : g * d);

  const rint = (x) => {
    const down = Math.floor(x), apart = x - down;
    return apart < 0.5 || (apart === 0.5 && down % 2 === 0) ? down : apart >= 0.5 ? down + 1 : x;
  };
  const round = (x, decimals) => (decimals < 0 ? rint(x / 10 ** -decimals) * 10 ** -decimals
    : rint(x * 10 ** decimals) / 10 ** decimals);
  const modulo = (a, b) => {
    const rest = a % b;
    if (rest === 0) return b < 0 || Object.is(b, -0) ? -0 : 0;
    if (!Number.isFinite(b) && Number.isFinite(a) && rest < 0 !== b < 0) return b;
    return rest < 0 !== b < 0 ? rest + b : rest;
  };
  const quotient = (a, b) => {
    if (b === 0) return a / b;
    const exact = (a - modulo(a, b)) / b, down = Math.floor(exact);
    return exact - down > 0.5 ? down + 1 : down;
  };
  const wholeModulo = (a, b) => (b === 0 ? 0 : modulo(a, b) + 0);
  const wholeQuotient = (a, b) => (b === 0 ? 0 : Math.floor(a / b));
  const natural = (x, bits) => wholeModulo(Math.trunc(x), 2 ** bits);
  const integer = (x, bits) => {
    const positive = natural(x, bits);
    return Math.abs(x) < 2 ** (bits - 1) ? Math.trunc(x) : positive < 2 ** (bits - 1) ? positive : positive - 2 ** bits;
  };
  const power = (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b));
  const fmax = (a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b));
  const fmin = (a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b));
  const signbit = (x) => x < 0 || Object.is(x, -0);
  const copysign = (a, b) => (signbit(b) ? -Math.abs(a) : Math.abs(a));
  const heaviside = (x, atZero) => (Number.isNaN(x) ? x : x === 0 ? atZero : +(x > 0));
  const clip = (x, low, high) => Math.min(Math.max(x, low), high);
  const finite = (x, nan, above, below) => (Number.isNaN(x) ? nan : x === Infinity ? above : x === -Infinity ? below : x);
  const isClose = (a, b, rtol, atol, equalNan) => (Number.isNaN(a) || Number.isNaN(b)
    ? equalNan && Number.isNaN(a) && Number.isNaN(b)
    : a === b || (Number.isFinite(b) && Math.abs(a - b) <= atol + rtol * Math.abs(b)));

  const logaddexp = (a, b) => (a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))));
  const logaddexp2 = (a, b) => (a === b ? a + 1
    : Math.max(a, b) + Math.log1p(Math.pow(2, -Math.abs(a - b))) / Math.LN2);
  const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

  // --- the error function: a power series without cancellation, and far from 0 a continued fraction ---
  function erf(x) {
    if (Math.abs(x) > 2) return copysign(1 - erfc(Math.abs(x)), x);
    let term = x, total = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      total += term;
    }
    return (2 / ROOT_PI) * Math.exp(-x * x) * total;
  }

  function erfcx(x) {
    if (x < 2) return Math.exp(x * x) * erfc(x);
    let rest = 0;
    for (let n = 60; n > 0; n--) rest = n / 2 / (x + rest);
    return 1 / (ROOT_PI * (x + rest));
  }

  const erfc = (x) => (x < 2 ? 1 - erf(x) : Math.exp(-x * x) * erfcx(x));
  const normal = (x) => 0.5 * erfc(-x * Math.SQRT1_2);
  const gelu = (x) => x * normal(x);
  const geluTanh = (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * x * (1 + 0.044715 * x * x)));
  const logNormal = (x) => (x > 0 ? Math.log1p(-normal(-x)) : x > -2 ? Math.log(normal(x))
    : Math.log(0.5 * erfcx(-x * Math.SQRT1_2)) - 0.5 * x * x);

  function erfinv(x) {
    if (Math.abs(x) >= 1 || Number.isNaN(x)) return Math.abs(x) === 1 ? x * Infinity : NaN;
    const tail = Math.log1p(-x * x), centre = 2 / (0.147 * Math.PI) + tail / 2;
    let y = Math.sign(x) * Math.sqrt(Math.sqrt(centre * centre - tail / 0.147) - centre);
    for (let i = 0; i < 4; i++) {
      const excess = x < 0 ? erfc(-y) - (1 + x) : 1 - x - erfc(y);
      y -= excess * (ROOT_PI / 2) * Math.exp(y * y);
    }
    return y;
  }

  // --- the derivative of order n of sin(πx)/(πx): near 0 a power series, else from the one of order n − 1 ---
  function sincDerivative(x, order) {
    const u = Math.PI * x, cycle = [Math.sin(u), Math.cos(u), -Math.sin(u), -Math.cos(u)];
    if (Math.abs(u) > order + 1) {
      let s = cycle[0] / u;
      for (let n = 1; n <= order; n++) s = (cycle[n % 4] - n * s) / u;
      return Math.PI ** order * s;
    }
    let total = 0, factor = 1;
    for (let m = 0; m < 4 * order + 24; m++) {
      if ((m + order) % 2 === 0) total += ((-1) ** ((m + order) / 2) * factor) / (m + order + 1);
      factor *= u / (m + 1);
    }
    return Math.PI ** order * total;
  }

  // --- Γ and its kin: far out Stirling's series, below that by recurrence ---
  const BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510];
  const FAR = 16;

  function gammaln(x) {
    if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - gammaln(1 - x);
    let shift = 0, z = x;
    for (; z < FAR; z++) shift += Math.log(z);
    const series = BERNOULLI.reduce((total, b, i) => total + b / ((2 * i + 2) * (2 * i + 1) * z ** (2 * i + 1)), 0);
    return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
  }

  function gamma(x) {
    if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x));
    return Math.exp(gammaln(x));
  }

  function psi(x) {
    if (x < 0.5) return psi(1 - x) - Math.PI / Math.tan(Math.PI * x);
    let shift = 0, z = x;
    for (; z < FAR; z++) shift += 1 / z;
    const series = BERNOULLI.reduce((total, b, i) => total + b / ((2 * i + 2) * z ** (2 * i + 2)), 0);
    return Math.log(z) - 0.5 / z - series - shift;
  }

  const factorial = (n) => (n < 2 ? 1 : n * factorial(n - 1));

  // For x > 0, as its recurrence needs.
  function polygamma(n, x) {
    if (n === 0) return psi(x);
    if (!(x > 0)) return NaN;
    let total = 0, z = x;
    for (; z < FAR; z++) total += factorial(n) / z ** (n + 1);
    total += factorial(n - 1) / z ** n + factorial(n) / (2 * z ** (n + 1));
    BERNOULLI.forEach((b, i) => {
      total += (b * factorial(2 * i + 1 + n)) / (factorial(2 * i + 2) * z ** (2 * i + 2 + n));
    });
    return (-1) ** (n + 1) * total;
  }

  // The modified Bessel function of the first kind.
  function bessel(order, x) {
    const v = order < 0 && Number.isInteger(order) ? -order : order;
    let term = (x / 2) ** v / gamma(v + 1), total = term;
    for (let m = 1; Math.abs(term) > 1e-18 * Math.abs(total); m++) {
      term *= (x * x) / (4 * m * (m + v));
      total += term;
    }
    return total;
  }

  return {
    square, scale, natural, integer, rint, round, modulo, quotient, wholeModulo, wholeQuotient, power, fmax, fmin, signbit,
    copysign, heaviside, clip, finite, isClose, logaddexp, logaddexp2, sinc, erf, erfc, erfcx, erfinv, gelu, geluTanh,
    logNormal, sincDerivative, gamma, gammaln, psi, polygamma,
    bessel,
  };
})();
