// Every way to correct one place of an answer, in the order in which they are tried; the same as in corrections.py.
const corrections = (() => {
  "use strict";
  const { HADAMARD, MATRIX, DOT, IMPLIED, MINUS, PRODUCTS, made, number, replaced, symbols, transposed, walk, at, written } =
    terms;
  const PART = "‹part›", NONE = new Set();

  const correction = (mistake, message, part, whole, edge = null, names = NONE, beside = NONE) =>
    ({ mistake, message, part, term: whole, edge, names, beside });

  function corrected(mistake, message, whole, place, part, other) {
    const after = replaced(whole, place, other);
    return correction(mistake, message, part, after, null, symbols(other), symbols(at(after, place.slice(0, -1))));
  }

  // --- signs ---
  function* differences(whole) {
    const parts = [...walk(whole)];
    for (const [place, part] of parts)
      if (part.kind === MINUS) yield corrected("sign", `${PART}: the minus is wrong.`, whole, place, part, part.parts[0]);
    for (const [place, part] of parts)
      if (part.kind === "-" && part.parts[0].kind !== "number") {
        const other = { ...part, parts: part.parts.toReversed() };
        yield corrected("order of a difference", `${PART} is the wrong way round.`, whole, place, part, other);
      }
  }

  function* signs(whole) {
    for (const [place, part] of walk(whole))
      if (part.kind === "+" || part.kind === "-") {
        const other = { ...part, kind: part.kind === "+" ? "-" : "+" };
        yield corrected("sign", `${PART}: the sign between the two is wrong.`, whole, place, part, other);
      }
    yield corrected("sign", "The sign is wrong.", whole, [], whole, made(MINUS, whole));
  }

  // --- matrices ---
  function* matrices(whole) {
    yield* transpositions(whole);
    yield* orders(whole);
    yield* kinds(whole);
  }

  function* transpositions(whole) {
    const late = ([, part]) => +(part.parts.length > 0 && part.kind !== "T");
    for (const [place, part] of [...walk(whole)].sort((a, b) => late(a) - late(b))) {
      if (part.kind === "T") {
        const message = `${PART}: ${written(part.parts[0])} is not to be transposed here.`;
        yield corrected("superfluous transposition", message, whole, place, part, part.parts[0]);
      } else if (part.kind !== "number" && !(place.length && at(whole, place.slice(0, -1)).kind === "T")) {
        const message = `${PART} has to be transposed here.`;
        yield corrected("missing transposition", message, whole, place, part, transposed(part));
      }
    }
  }

  function* orders(whole) {
    const message = `${PART}: the operands of this product of matrices are in the wrong order.`;
    for (const [place, part] of walk(whole))
      if (part.kind === MATRIX || part.kind === DOT) {
        const after = replaced(whole, place, { ...part, parts: part.parts.toReversed() });
        yield correction("order of a product", message, part, after, null, operands(part), symbols(part));
      }
  }

  // The values that a product multiplies as they are, or transposed; they tell the link that it belongs to.
  function operands(product) {
    const bare = product.parts.map((part) => (part.kind === "T" ? part.parts[0] : part)).filter(({ parts }) => !parts.length);
    const names = new Set(bare.flatMap((part) => [...symbols(part)]));
    return names.size ? names : symbols(product);
  }

  function* kinds(whole) {
    for (const [place, part] of walk(whole)) {
      if (part.kind === MATRIX || part.kind === DOT) {
        const message = `${PART}: these are multiplied element by element, ⊙ or *, not as matrices.`;
        yield corrected("product for Hadamard", message, whole, place, part, { ...part, kind: HADAMARD });
      } else if (part.kind === HADAMARD || part.kind === IMPLIED) {
        for (let i = 0; i < part.parts.length - 1; i++) {
          const [a, b] = part.parts.slice(i, i + 2), pair = { ...made(MATRIX, a, b), end: b.end };
          const rest = part.parts.toSpliced(i, 2, pair), other = rest.length > 1 ? { ...part, parts: rest } : pair;
          const message = `${PART}: ${written(a)} and ${written(b)} are multiplied as matrices, @, not element by element.`;
          yield correction("Hadamard for product", message, pair, replaced(whole, place, other), null, symbols(pair));
        }
      }
    }
  }

  // --- sums ---
  function* sums(whole) {
    for (const [place, part] of walk(whole)) {
      if (part.kind !== "call" || !functions.get(part.label).reduces) continue;
      if (!part.free) yield* axes(whole, place, part);
      const label = { mean: "sum", sum: "mean" }[part.label];
      if (label) {
        const message = `${PART}: here it is the ${label}, not the ${part.label}, over the examples.`;
        yield corrected(`${part.label} for ${label}`, message, whole, place, part, { ...part, label });
      }
    }
  }

  function* axes(whole, place, part) {
    const seen = [], both = [part.keepdims, !part.keepdims];
    const options = [[part.axis, !part.keepdims], ...[1, 0].flatMap((axis) => both.map((kept) => [axis, kept]))];
    for (const [axis, keepdims] of options) {
      if (seen.includes(`${axis} ${keepdims}`)) continue;
      seen.push(`${axis} ${keepdims}`);
      const same = axis === part.axis, why = keepdims ? "loses an axis: say keepdims=True." : "keeps an axis that has to go.";
      const told = same ? ["keepdims", `${PART} ${why}`] : ["axis", `${PART} goes over the wrong axis.`];
      yield corrected(...told, whole, place, part, { ...part, axis, keepdims });
    }
  }

  // --- what was typed ---
  function* parentheses(whole) {
    for (const [place, part] of walk(whole)) {
      if (part.kind !== "+" && part.kind !== "-") continue;
      const [left, right] = part.parts;
      const tell = (other) => corrected("missing parentheses",
        `${PART}: parentheses are missing around a ${part.kind === "+" ? "sum" : "difference"}.`, whole, place, part, other);
      if (PRODUCTS.has(right.kind) || right.kind === "/")
        yield tell({ ...right, parts: right.parts.with(0, made(part.kind, left, right.parts[0])) });
      if (PRODUCTS.has(left.kind))
        yield tell({ ...left, parts: left.parts.with(-1, made(part.kind, left.parts.at(-1), right)) });
    }
  }

  function* numbers(whole) {
    for (const [place, part] of walk(whole)) {
      if (part.kind === "number") {
        const values = new Set([part.label + 1, part.label - 1, 1, 2, 0.5, 3, ...(model.m ? [model.m] : [])]);
        values.delete(part.label);
        for (const value of values)
          yield corrected("wrong number", `The number ${PART} is wrong.`, whole, place, part, number(value, part));
      } else if (part.kind === "value" || part.kind === "call") {
        const squared = made("**", part, number(2, part));
        yield corrected("forgotten square", `${PART} has to be squared.`, whole, place, part, squared);
      }
    }
  }

  return { PART, correction, corrected, differences, signs, matrices, sums, parentheses, numbers };
})();
