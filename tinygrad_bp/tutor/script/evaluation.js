// What an answer comes to in one run, and the ways in which it can be read; the same as in evaluation.py.
const evaluation = (() => {
  "use strict";
  const { HADAMARD, MATRIX, DOT, IMPLIED, MINUS, mapped, some, written } = terms;
  const { array, full, each } = np;
  const MOST_ELEMENTS = 4_000_000;

  // Operands whose shapes do not fit; `term` is the part that combines them.
  class Misfit extends Error {
    constructor(term, message) {
      super(message);
      this.term = term;
    }
  }

  const shown = (shape) => (shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`);
  const size = (shape) => shape.reduce((n, length) => n * length, 1);

  const ELEMENTWISE = {
    "+": (a, b) => a + b, "-": (a, b) => a - b, [HADAMARD]: (a, b) => a * b, "/": (a, b) => a / b, "**": np.power,
    ">": (a, b) => +(a > b), "<": (a, b) => +(a < b), "≥": (a, b) => +(a >= b), "≤": (a, b) => +(a <= b),
  };

  function evaluate(part, sample) {
    const { kind, label } = part;
    if (kind === "number") return full([], label);
    if (kind === "value") return sample.values.get(label);
    if (kind === "gradient") return sample.gradients.get(label);
    const parts = part.parts.map((inner) => evaluate(inner, sample));
    if (kind === "call") return called(part, parts[0]);
    if (kind === "T") return np.transpose(parts[0]);
    if (kind === "if") return chosen(part, ...parts);
    if (kind === MINUS) return each((x) => -x, parts[0]);
    return parts.slice(1).reduce((total, x, i) => combined(part, i + 1, total, x), parts[0]);
  }

  function chosen(part, first, condition, second) {
    const shapes = [first, condition, second].map((x) => x.shape), shape = broadcast(...shapes);
    const [a, b, c] = shapes.map(shown);
    if (shape === null) throw new Misfit(part, `${written(part)}: the shapes ${a}, ${b} and ${c} do not fit together`);
    require(part, shape);
    return each((c, a, b) => (c !== 0 ? a : b), condition, first, second);
  }

  // One operator on two arrays, the second of which is operand i.
  function combined(part, i, a, b) {
    const matrices = matrixShape(a.shape, b.shape), shape = broadcast(a.shape, b.shape);
    let kind = part.kind;
    if (kind === DOT) kind = a.shape.length && b.shape.length ? MATRIX : HADAMARD;
    else if (kind === IMPLIED) kind = shape !== null || matrices === null ? HADAMARD : MATRIX;
    if (kind === MATRIX) {
      if (a.shape.length === 1 && b.shape.length === 1 && part.parts[i].kind === "T") {
        require(part, [...a.shape, ...b.shape]);
        return np.matmul(array([...a.shape, 1], a.data), array([1, ...b.shape], b.data));
      }
      if (matrices === null) throw new Misfit(part, noProduct(part, i, a.shape, b.shape));
      require(part, matrices);
      return np.matmul(a, b);
    }
    const sides = `${written(part.parts[i - 1])} ${shown(a.shape)} and ${written(part.parts[i])} ${shown(b.shape)}`;
    if (shape === null) throw new Misfit(part, `${sides} do not fit together element by element`);
    require(part, shape);
    return each(ELEMENTWISE[kind], a, b);
  }

  function noProduct(part, i, left, right) {
    const factors = `${written(part.parts[i - 1])} ${shown(left)} · ${written(part.parts[i])} ${shown(right)}`;
    if (!left.length || !right.length) return `${factors} is no product of matrices: one of them is a number`;
    return `${factors} is no product of matrices: ${left.at(-1)} ≠ ${right.at(right.length > 1 ? -2 : 0)}`;
  }

  function require(part, shape) {
    if (size(shape) > MOST_ELEMENTS)
      throw new Misfit(part, `${written(part)} has the shape ${shown(shape)}, more than ${MOST_ELEMENTS} elements`);
  }

  function broadcast(...shapes) {
    const shape = np.common(shapes);
    const fits = shapes.every((own) => own.every((n, i) => n === 1 || n === shape[shape.length - own.length + i]));
    return fits ? shape : null;
  }

  function matrixShape(a, b) {
    if (!a.length || !b.length || Math.max(a.length, b.length) > 2 || a.at(-1) !== b[0]) return null;
    return [...a.slice(0, -1), ...b.slice(1)];
  }

  // A function has a program for one row of numbers; it goes over all of them, or along an axis.
  function called(part, x) {
    const { reduces, takesAxis, usual, program } = functions.get(part.label), rank = x.shape.length;
    const axis = takesAxis ? (part.axis ?? usual) : null;
    if (axis !== null && (axis < -rank || axis >= rank)) {
      const operand = `${written(part.parts[0])} ${shown(x.shape)}`;
      throw new Misfit(part, part.axis === null ? `${written(part)} cannot be computed: ${operand} has no axis`
        : `${operand} has no axis ${axis}`);
    }
    if (axis === null) {
      const y = program(x.data.length)([array([x.data.length], x.data)])[0];
      return array(reduces ? (part.keepdims ? x.shape.map(() => 1) : []) : x.shape, y.data);
    }
    const k = axis < 0 ? axis + rank : axis, n = x.shape[k];
    const run = (row) => program(n)([array([n], row)])[0].data;
    if (!reduces) return np.along(run, k, x);
    const shape = part.keepdims ? x.shape.with(k, 1) : x.shape.toSpliced(k, 1);
    return np.reduce((row) => run(row)[0], x, [k], shape);
  }

  // --- ways to read an answer ---
  const AXES = [[null, false], [-1, true], [0, true], [0, false], [-1, false]];

  // What a text can mean: Σ says not which axes it is over, and W(a − y) not which product it is.
  function* readings(whole) {
    const free = some(whole, (part) => part.free), implied = some(whole, (part) => part.kind === IMPLIED);
    for (const [axis, keepdims] of free ? AXES : AXES.slice(0, 1)) {
      const summed = free ? mapped(whole, (part) => (part.free ? { ...part, axis, keepdims, free: false } : part)) : whole;
      yield summed;
      if (implied) yield mapped(summed, asMatrices);
    }
  }

  const asMatrices = (part) =>
    (part.kind === IMPLIED ? part.parts.reduce((a, b) => ({ ...part, kind: DOT, parts: [a, b] })) : part);

  // Whether a value is the gradient as far as rounding goes; a number stands for an array of it.
  function matches(value, truth) {
    const same = value.shape.length === truth.shape.length && value.shape.every((n, i) => n === truth.shape[i]);
    if ((!same && value.data.length !== 1) || value.shape.length > truth.shape.length) return false;
    const one = value.data.length === 1;
    let worst = 0, largest = 0;
    for (let i = 0; i < truth.data.length; i++) {
      const a = value.data[one ? 0 : i], b = truth.data[i];
      if (Number.isFinite(b)) largest = Math.max(largest, Math.abs(b));
      if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
      const apart = Math.abs(a - b);
      if (Number.isNaN(apart)) return false;
      worst = Math.max(worst, apart);
    }
    return (largest ? worst / largest : worst) <= truth.tolerance;
  }

  // Whether a tree, read in one way, comes to the truth in all runs.
  function isRight(whole, truths) {
    for (const reading of readings(whole))
      try {
        if (truths.every(([sample, truth]) => matches(evaluate(reading, sample), truth))) return true;
      } catch (error) {
        if (!(error instanceof Misfit)) throw error;
      }
    return false;
  }

  return { Misfit, evaluate, readings, matches, isRight, shown };
})();
