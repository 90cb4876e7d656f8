// The arrays that a program computes with: {shape, data}, elements in row-major order, all of them doubles.
// Nobody writes to an array that somebody else has, so that they may share data. Truths are 1 and 0.
const arrays = (() => {
  "use strict";
  const count = (shape) => shape.reduce((n, length) => n * length, 1);
  const array = (shape, data) => ({ shape, data: data instanceof Float64Array ? data : Float64Array.from(data) });
  const full = (shape, value) => array(shape, new Float64Array(count(shape)).fill(value));
  const reshape = (x, shape) => array(shape, x.data);
  const rounded = (x) => array(x.shape, Float64Array.from(Float32Array.from(x.data)));

  // --- shapes: tables of positions are worked out once for each shape ---
  const tables = new Map();

  function once(kind, given, work) {
    const key = `${kind} ${JSON.stringify(given)}`;
    if (!tables.has(key)) tables.set(key, work());
    return tables.get(key);
  }

  function strides(shape) {
    const steps = Array(shape.length).fill(1);
    for (let i = shape.length - 2; i >= 0; i--) steps[i] = steps[i + 1] * shape[i + 1];
    return steps;
  }

  // Where the elements of an array of this shape are, if one goes steps[i] further for each one along axis i.
  function walk(shape, steps, start = 0) {
    let found = [start];
    shape.forEach((length, i) => {
      found = found.flatMap((at) => Array.from({ length }, (_, k) => at + k * steps[i]));
    });
    return Int32Array.from(found);
  }

  const same = (a, b) => a.length === b.length && a.every((n, i) => n === b[i]);

  function common(shapes) {
    const rank = Math.max(0, ...shapes.map((s) => s.length));
    return Array.from({ length: rank }, (_, i) => {
      const lengths = shapes.map((s) => s[i - rank + s.length] ?? 1);
      return lengths.find((n) => n !== 1) ?? 1;
    });
  }

  function broadcast(x, shape) {
    if (same(x.shape, shape)) return x;
    const from = once("broadcast", [x.shape, shape], () => {
      const own = strides(x.shape), skipped = shape.length - x.shape.length;
      return walk(shape, shape.map((_, i) => (i < skipped || x.shape[i - skipped] === 1 ? 0 : own[i - skipped])));
    });
    return array(shape, Float64Array.from(from, (at) => x.data[at]));
  }

  // --- elementwise ---
  function each(f, ...xs) {
    const shape = xs.every((x) => same(x.shape, xs[0].shape)) ? xs[0].shape : common(xs.map((x) => x.shape));
    const size = count(shape), y = new Float64Array(size);
    const data = xs.map((x) => (x.data.length === 1 || x.data.length === size ? x : broadcast(x, shape)).data);
    const [a, b, c, d] = data, [i, j, k, l] = data.map((values) => (values.length === 1 ? 0 : 1));
    if (xs.length === 1) for (let n = 0; n < size; n++) y[n] = f(a[n * i]);
    else if (xs.length === 2) for (let n = 0; n < size; n++) y[n] = f(a[n * i], b[n * j]);
    else if (xs.length === 3) for (let n = 0; n < size; n++) y[n] = f(a[n * i], b[n * j], c[n * k]);
    else if (xs.length === 4) for (let n = 0; n < size; n++) y[n] = f(a[n * i], b[n * j], c[n * k], d[n * l]);
    else for (let n = 0; n < size; n++) y[n] = f(...data.map((values) => values[values.length === 1 ? 0 : n]));
    return array(shape, y);
  }

  // --- other places for the same elements: positions count from 1, and 0 is a border outside of the array ---
  function runs(...parts) {
    const found = [];
    for (let i = 0; i < parts.length; i += 3)
      for (let k = 0; k < parts[i + 2]; k++) found.push(parts[i] + k * parts[i + 1]);
    return Int32Array.from(found);
  }

  const arranged = (x, places, shape, border = 0) =>
    array(shape, Float64Array.from(places, (at) => (at ? x.data[at - 1] : border)));

  function transpose(x) {
    const places = once("transpose", x.shape, () => walk(x.shape.toReversed(), strides(x.shape).reverse()));
    return array(x.shape.toReversed(), Float64Array.from(places, (at) => x.data[at]));
  }

  function joined(...xs) {
    const data = new Float64Array(xs.reduce((n, x) => n + x.data.length, 0));
    xs.reduce((start, x) => (data.set(x.data, start), start + x.data.length), 0);
    return array([data.length], data);
  }

  function scattered(x, places, shape) {
    const y = new Float64Array(count(shape));
    places.forEach((at, i) => { if (at) y[at - 1] += x.data[i]; });
    return array(shape, y);
  }

  function assigned(x, places, shape, value, add = false) {
    const y = x.data.slice(), values = broadcast(value, shape).data;
    places.forEach((at, i) => { y[at - 1] = add ? y[at - 1] + values[i] : values[i]; });
    return array(x.shape, y);
  }

  // The places that an index with arrays names. Its parts, one an axis: [start, step, count], or an array of integers.
  function indexed(shape, parts) {
    const own = strides(shape), found = parts.map((part, i) => [part, i]);
    const chosen = found.filter(([part]) => !Array.isArray(part)), axes = chosen.map(([, i]) => i);
    const together = axes.every((axis, n) => n === 0 || axis === axes[n - 1] + 1) ? axes[0] : 0;
    const space = common(chosen.map(([part]) => part.shape));
    let offsets = new Float64Array(count(space));
    for (const [part, i] of chosen) {
      const values = broadcast(part, space).data;
      if (values.some((v) => v < -shape[i] || v >= shape[i])) throw new RangeError("an index is out of bounds");
      offsets = offsets.map((at, n) => at + own[i] * (values[n] + (values[n] < 0 ? shape[i] : 0)));
    }
    const kept = found.filter(([part]) => Array.isArray(part));
    const before = kept.filter(([, i]) => i < together), after = kept.filter(([, i]) => i >= together);
    const grid = (list) => walk(list.map(([p]) => p[2]), list.map(([p, i]) => p[1] * own[i]),
      list.reduce((at, [p, i]) => at + p[0] * own[i], 0));
    const places = [], tail = grid(after);
    for (const a of grid(before)) for (const at of offsets) for (const b of tail) places.push(a + at + b + 1);
    return Int32Array.from(places);
  }

  // --- along axes ---
  // The array as rows: the axes in order, those that are left out before them.
  function rows(x, axes) {
    const rank = x.shape.length, kept = [...Array(rank).keys()].filter((i) => !axes.includes(i));
    if ([...kept, ...axes].every((axis, i) => axis === i)) return x.data;
    const own = strides(x.shape), order = [...kept, ...axes];
    const places = once("rows", [x.shape, axes], () => walk(order.map((i) => x.shape[i]), order.map((i) => own[i])));
    return Float64Array.from(places, (at) => x.data[at]);
  }

  function reduce(f, x, axes, shape, ...options) {
    const data = rows(x, axes), n = axes.reduce((product, axis) => product * x.shape[axis], 1);
    const lanes = Array.from({ length: count(shape) }, (_, i) => f(data.subarray(i * n, (i + 1) * n), ...options));
    return array(shape, lanes);
  }

  function along(f, axis, ...xs) {
    const [{ shape }] = xs, n = shape[axis], all = xs.map((x) => rows(x, [axis]));
    const y = new Float64Array(count(shape)), own = strides(shape);
    const others = [...shape.keys()].filter((i) => i !== axis);
    const places = once("along", [shape, axis], () =>
      walk([...others, axis].map((i) => shape[i]), [...others, axis].map((i) => own[i])));
    for (let start = 0; start < y.length; start += n)
      f(...all.map((data) => data.subarray(start, start + n))).forEach((v, k) => { y[places[start + k]] = v; });
    return array(shape, y);
  }

  const running = (combine) => (lane) => {
    let total;
    return lane.map((v, i) => (total = i ? combine(total, v) : v));
  };
  const added = (lane) => lane.reduce((total, v) => total + v, 0);
  const mean = (lane) => added(lane) / lane.length;
  const ascending = (a, b) => (Number.isNaN(a) ? !Number.isNaN(b) : Number.isNaN(b) ? -1 : a - b);
  const best = (better) => (lane) => lane.reduce((at, v, i) => (Number.isNaN(lane[at]) || !(better(v, lane[at])
    || Number.isNaN(v)) ? at : i), 0);

  function variance(lane, freedom) {
    const centre = mean(lane);
    return added(lane.map((v) => (v - centre) ** 2)) / Math.max(lane.length - freedom, 0);
  }

  function norm(lane, order) {
    const sizes = lane.map(Math.abs), largest = sizes.reduce((a, b) => Math.max(a, b), 0);
    if (order === Infinity) return largest;
    if (order === -Infinity) return sizes.reduce((a, b) => Math.min(a, b), Infinity);
    if (order === 0) return sizes.filter((v) => v !== 0).length;
    return added(sizes.map((v) => v ** order)) ** (1 / order);
  }

  // What stands at a place of the sorted elements, or between two of them.
  function ranked(lane, at) {
    const sorted = lane.toSorted(), low = Math.floor(at), next = sorted[Math.min(low + 1, sorted.length - 1)];
    return lane.some(Number.isNaN) ? NaN : sorted[low] + (next - sorted[low]) * (at - low);
  }

  const lanes = {
    sum: added, mean, variance, norm, ranked,
    median: (lane) => ranked(lane, (lane.length - 1) / 2),
    product: (lane) => lane.reduce((total, v) => total * v, 1),
    largest: (lane) => lane.reduce((a, b) => Math.max(a, b), -Infinity),
    smallest: (lane) => lane.reduce((a, b) => Math.min(a, b), Infinity),
    all: (lane) => lane.every((v) => v !== 0),
    any: (lane) => lane.some((v) => v !== 0),
    nonzeros: (lane) => lane.filter((v) => v !== 0).length,
    deviation: (lane, freedom) => Math.sqrt(variance(lane, freedom)),
    argmax: best((a, b) => a > b), argmin: best((a, b) => a < b),
    cumsum: running((a, b) => a + b), cumprod: running((a, b) => a * b),
    sort: (lane) => lane.toSorted(),
    argsort: (lane) => Float64Array.from([...lane.keys()].sort((i, j) => ascending(lane[i], lane[j]) || i - j)),
    recurrence: (a, b) => { let y = 0; return a.map((v, i) => (y = v * y + b[i])); },
  };

  // --- products ---
  function matmul(a, b) {
    const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
    const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
    const [m, n, k] = [left.at(-2), left.at(-1), right.at(-1)], batch = common([left.slice(0, -2), right.slice(0, -2)]);
    const x = broadcast(array(left, a.data), [...batch, m, n]).data;
    const w = broadcast(array(right, b.data), [...batch, n, k]).data;
    const size = count(batch), y = new Float64Array(size * m * k);
    for (let s = 0; s < size; s++)
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          const v = x[(s * m + i) * n + j], from = (s * n + j) * k, to = (s * m + i) * k;
          for (let l = 0; l < k; l++) y[to + l] += v * w[from + l];
        }
    return array([...batch, ...(a.shape.length > 1 ? [m] : []), ...(b.shape.length > 1 ? [k] : [])], y);
  }

  // subscripts: letters for the axes of every operand, and of the result, whose shape is given too.
  function einsum(subscripts, output, shape, ...xs) {
    const letters = [...new Set([...output, ...subscripts.join("")])];
    const size = Object.fromEntries(letters.map((letter) => {
      const lengths = xs.flatMap((x, i) => [...subscripts[i]].flatMap((c, k) => (c === letter ? [x.shape[k]] : [])));
      return [letter, lengths.find((n) => n !== 1) ?? 1];
    }));
    const all = letters.map((letter) => size[letter]);
    const steps = (text, own) => letters.map((letter) => [...text].reduce((step, c, k) =>
      step + (c === letter && own[k] !== 1 ? strides(own)[k] : 0), 0));
    const places = xs.map((x, i) => once("einsum", [subscripts[i], letters, x.shape, all],
      () => walk(all, steps(subscripts[i], x.shape))));
    const to = walk(all, steps(output, shape)), y = new Float64Array(count(shape));
    to.forEach((at, n) => { y[at] += xs.reduce((product, x, i) => product * x.data[places[i][n]], 1); });
    return array(shape, y);
  }

  function convolve(a, v, start, length) {
    const y = new Float64Array(a.data.length + v.data.length - 1);
    a.data.forEach((p, i) => v.data.forEach((q, k) => { y[i + k] += p * q; }));
    return array([length], y.subarray(start, start + length));
  }

  // What the largest of each window of x, windows of n elements, has of g: ties share equally.
  function sharedByLargest(g, x, windows, n) {
    const y = new Float64Array(x.data.length);
    g.data.forEach((share, w) => {
      const inside = windows.subarray(w * n, (w + 1) * n).filter((at) => at > 0);
      const largest = inside.reduce((a, at) => Math.max(a, x.data[at - 1]), -Infinity);
      const tied = inside.filter((at) => x.data[at - 1] === largest);
      for (const at of tied) y[at - 1] += share / tied.length;
    });
    return array(x.shape, y);
  }

  function require(condition, truth) {
    if (!condition.data[0] === truth) throw new RangeError("the program was written for other values");
  }

  return {
    array, full, reshape, rounded, common, broadcast, each, runs, arranged, transpose, joined, scattered, assigned, indexed,
    reduce, along, ...lanes, matmul, einsum, convolve, sharedByLargest, require,
  };
})();
