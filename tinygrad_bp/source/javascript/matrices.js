// Linear systems, by elimination with the largest pivot, and what follows from them; the last two axes are the matrix.
const matrices = (() => {
  "use strict";
  const { array, broadcast, common } = arrays;

  // Turn a (n, n) into the identity and b (n, k) into a⁻¹·b, in place; returns the determinant of a, 0 as soon as it is.
  function eliminate(a, b, n, k) {
    let det = 1;
    const swap = (m, width, r, s) => {
      const row = m.slice(r * width, (r + 1) * width);
      m.copyWithin(r * width, s * width, (s + 1) * width);
      m.set(row, s * width);
    };
    for (let c = 0; c < n; c++) {
      let best = c;
      for (let r = c + 1; r < n; r++) if (Math.abs(a[r * n + c]) > Math.abs(a[best * n + c])) best = r;
      const pivot = a[best * n + c];
      det *= best === c ? pivot : -pivot;
      if (pivot === 0) return 0;
      if (best !== c) [[a, n], [b, k]].forEach(([m, width]) => swap(m, width, c, best));
      for (let j = 0; j < n; j++) a[c * n + j] /= pivot;
      for (let j = 0; j < k; j++) b[c * k + j] /= pivot;
      for (let r = 0; r < n; r++) {
        const factor = a[r * n + c];
        if (r === c || factor === 0) continue;
        for (let j = 0; j < n; j++) a[r * n + j] -= factor * a[c * n + j];
        for (let j = 0; j < k; j++) b[r * k + j] -= factor * b[c * k + j];
      }
    }
    return det;
  }

  function solve(a, b) {
    const n = a.shape.at(-1), right = b.shape.length === 1 ? array([n, 1], b.data) : b, k = right.shape.at(-1);
    const batch = common([a.shape.slice(0, -2), right.shape.slice(0, -2)]);
    const left = broadcast(a, [...batch, n, n]).data.slice(), y = broadcast(right, [...batch, n, k]).data.slice();
    for (let s = 0; s * n * n < left.length; s++) {
      const det = eliminate(left.subarray(s * n * n, (s + 1) * n * n), y.subarray(s * n * k, (s + 1) * n * k), n, k);
      if (det === 0) throw new RangeError("a matrix is singular");
    }
    return array(b.shape.length === 1 ? [...batch, n] : [...batch, n, k], y);
  }

  function inv(a) {
    const n = a.shape.at(-1);
    return solve(a, array([n, n], Float64Array.from({ length: n * n }, (_, i) => +(i % (n + 1) === 0))));
  }

  function det(a) {
    const n = a.shape.at(-1), left = a.data.slice(), none = new Float64Array(0), shape = a.shape.slice(0, -2);
    const each = Float64Array.from({ length: shape.reduce((m, length) => m * length, 1) },
      (_, s) => eliminate(left.subarray(s * n * n, (s + 1) * n * n), none, n, 0));
    return array(shape, each);
  }

  function cholesky(a) {
    const n = a.shape.at(-1), y = new Float64Array(a.data.length);
    for (let start = 0; start < y.length; start += n * n)
      for (let i = 0; i < n; i++)
        for (let j = 0; j <= i; j++) {
          let rest = a.data[start + i * n + j];
          for (let k = 0; k < j; k++) rest -= y[start + i * n + k] * y[start + j * n + k];
          if (i === j && !(rest > 0)) throw new RangeError("a matrix is not positive definite");
          y[start + i * n + j] = i === j ? Math.sqrt(rest) : rest / y[start + j * n + j];
        }
    return array(a.shape, y);
  }

  return { solve, inv, det, cholesky };
})();
