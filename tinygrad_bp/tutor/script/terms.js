// An answer as a tree, with the place of every part in the text; the same trees as in terms.py.
const terms = (() => {
  "use strict";
  const HADAMARD = "*", MATRIX = "@", DOT = "·", IMPLIED = "", MINUS = "−";
  const PRODUCTS = new Set([HADAMARD, MATRIX, DOT, IMPLIED]);
  const COMPARISONS = new Set([">", "<", "≥", "≤"]);

  const position = (like) => (like ? { start: like.start, end: like.end } : {});
  const term = (kind, parts = [], more = {}) =>
    ({ label: "", axis: null, keepdims: false, free: false, start: 0, end: 0, ...more, kind, parts });
  const revived = (given) => given && term(given.kind, (given.parts ?? []).map(revived), given);
  const number = (value, like) => term("number", [], { label: value, ...position(like) });
  const made = (kind, ...parts) => term(kind, parts, position(parts[0]));
  const transposed = (part) => (part.kind === "T" ? part.parts[0] : made("T", part));

  function* walk(whole, place = []) {
    yield [place, whole];
    for (const [i, part] of whole.parts.entries()) yield* walk(part, [...place, i]);
  }

  const at = (whole, place) => place.reduce((part, i) => part.parts[i], whole);

  function replaced(whole, [first, ...rest], part) {
    if (first === undefined) return part;
    return { ...whole, parts: whole.parts.with(first, replaced(whole.parts[first], rest, part)) };
  }

  const mapped = (whole, change) => change({ ...whole, parts: whole.parts.map((part) => mapped(part, change)) });
  const some = (whole, test) => test(whole) || whole.parts.some((part) => some(part, test));

  // The tree with products of several matrices taken from the right: A·(B·C) for A·B·C.
  const isMatrix = ({ kind }) => kind === MATRIX || kind === DOT;
  function turned(part) {
    if (!isMatrix(part) || !isMatrix(part.parts[0])) return part;
    const [first, second] = part.parts[0].parts;
    const rest = turned({ ...part, parts: [second, part.parts[1]], start: second.start });
    return { ...part, kind: part.parts[0].kind, parts: [first, rest] };
  }
  const fromTheRight = (whole) => mapped(whole, turned);

  // Where they stand in the text makes no difference.
  const equal = (a, b) =>
    ["kind", "label", "axis", "keepdims", "free"].every((key) => a[key] === b[key])
    && a.parts.length === b.parts.length && a.parts.every((part, i) => equal(part, b.parts[i]));

  // The values and gradients that a tree names.
  const isSymbol = (part) => part.kind === "value" || part.kind === "gradient";
  const key = (part) => `${part.kind} ${part.label}`;
  const symbols = (whole) => new Set([...walk(whole)].map(([, part]) => part).filter(isSymbol).map(key));
  const shared = (a, b) => [...a].filter((name) => b.has(name)).length;
  const within = (a, b) => [...a].every((name) => b.has(name));

  // --- text ---
  const LEVELS = {
    if: -1, ">": 0, "<": 0, "≥": 0, "≤": 0, "+": 1, "-": 1, [MINUS]: 1, [HADAMARD]: 2, [MATRIX]: 3, [DOT]: 3, "/": 3,
    [IMPLIED]: 4, "**": 6,
  };
  const TIGHTEST = 7;
  const SIGNS = { "+": " + ", "-": " − ", [HADAMARD]: " ⊙ ", [MATRIX]: "·", [DOT]: "·", "/": "/", "**": "^" };

  // A number as Python's %g writes it.
  function general(x, digits) {
    if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x < 0 ? "-inf" : "inf";
    if (x === 0) return "0";
    const [mantissa, power] = x.toExponential(digits - 1).split("e"), n = Number(power);
    const bare = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
    if (n >= -4 && n < digits) return bare(x.toFixed(digits - 1 - n));
    return `${bare(mantissa)}e${n < 0 ? "-" : "+"}${String(Math.abs(n)).padStart(2, "0")}`;
  }

  function call(part) {
    const axis = part.axis === null ? "" : `, axis=${part.axis}`;
    const kept = part.free || !part.keepdims ? "" : ", keepdims=True";
    const overAll = functions.get(part.label).reduces && !part.free && part.axis === null;
    return `${overAll ? "np." : ""}${part.label}(${written(part.parts[0])}${axis}${kept})`;
  }

  function operand(part, least) {
    const level = part.kind === "number" && part.label < 0 ? 1 : (LEVELS[part.kind] ?? TIGHTEST);
    return level < least || (part.kind === "gradient" && least === TIGHTEST) ? `(${written(part)})` : written(part);
  }

  // A tree as text that reads as the same tree.
  function written(whole) {
    const { kind, parts, label } = whole;
    if (kind === "number") return general(label, 12);
    if (kind === "value") return label;
    if (kind === "gradient") return `∂C/∂${label}`;
    if (kind === "call") return call(whole);
    if (kind === "T") return `${operand(parts[0], TIGHTEST)}ᵀ`;
    if (kind === "if") return `${operand(parts[0], 0)} if ${operand(parts[1], 0)} else ${written(parts[2])}`;
    if (kind === MINUS) return `−${operand(parts[0], 2)}`;
    const level = LEVELS[kind];
    if (kind === IMPLIED) return operand(parts[0], level) + parts.slice(1).map((part) => `(${written(part)})`).join("");
    const least = (i) => (i === 0 && kind !== "**" ? level : level + 1);
    return parts.map((part, i) => operand(part, least(i))).join(SIGNS[kind] ?? ` ${kind} `);
  }

  return {
    HADAMARD, MATRIX, DOT, IMPLIED, MINUS, PRODUCTS, COMPARISONS, term, revived, number, made, transposed, walk, at, replaced,
    fromTheRight, mapped, some, equal, isSymbol, key, symbols, shared, within, general, written,
  };
})();
