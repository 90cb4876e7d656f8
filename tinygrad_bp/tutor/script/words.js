// The text of an answer as tokens, each with its place; the same as in tokens.py.
const words = (() => {
  "use strict";
  const LONGEST = 1000;

  class AnswerError extends Error {
    constructor(message, start, end) {
      super(message);
      Object.assign(this, { start, end });
    }
  }

  // --- words ---
  const LETTER = "[\\p{L}\\p{N}_]";
  const sticky = (source) => new RegExp(source, "uy");
  const NUMBER = sticky("(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:[eE][+-]?\\d+)?");
  const WORD = sticky(
    "[A-Za-zα-ωΑ-Ωŷ][A-Za-z0-9_α-ωΑ-Ω₀-₉]*(?:\\^?\\[\\d+\\]|\\^\\(\\d+\\)|_\\{\\d+\\})?(?:(?<=y)['′])?");
  const RAISED = sticky("[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+");
  const TRANSPOSED = sticky(`ᵀ|\\^\\s*(?:T|⊤|ᵀ)(?!${LETTER})|\\.T(?!${LETTER})|⊤|['′]`);
  const METHOD = sticky(`\\.(${LETTER}+)(?=\\s*\\()`);
  const MODULE = sticky("(?:np|numpy|tg)\\.(?=[A-Za-z])");
  const DERIVATIVE = sticky(`(?:∂${LETTER}+|d${LETTER}+)\\s*/\\s*[∂d]\\s*${LETTER}+`);
  const INDEX = /\^?\[(\d+)\]|\^\((\d+)\)|_\{?(\d+)\}?/g;
  const SIGNS = {
    "**": "**", "^": "**", "⊙": "⊙", "∘": "⊙", "×": "*", "*": "*", "@": "@", "·": "·", "⋅": "·", "•": "·", "/": "/",
    "÷": "/", "+": "+", "-": "-", "−": "-", "–": "-", "(": "(", ")": ")", "[": "(", "]": ")", ",": ",", ">=": "≥",
    "<=": "≤", "≥": "≥", "≤": "≤", ">": ">", "<": "<", "==": "=", "=": "=", "Σ": "Σ", "∑": "Σ", "√": "√", "|": "|",
  };
  const LONG_FIRST = Object.keys(SIGNS).sort((a, b) => b.length - a.length);
  const OPERANDS = new Set(["value", "gradient", "number", "m", "e", ")", "T"]);
  const CALLED = new Map(Object.entries(
    { dot: "@", matmul: "@", multiply: "*", transpose: "T", where: "if", outer: "outer" }));

  const match = (pattern, text, start) => {
    pattern.lastIndex = start;
    return pattern.exec(text);
  };
  const lowered = (text, digits) => [...text].map((c) => (digits.includes(c) ? String(digits.indexOf(c)) : c)).join("");
  const quoted = (text) => (text.includes("'") ? `"${text}"` : `'${text}'`);

  function value(word) {
    const name = lowered(word, "₀₁₂₃₄₅₆₇₈₉").replace(INDEX, (_, a, b, c) => a ?? b ?? c);
    return [word, name, model.aliases.get(name)].find((candidate) => model.values.includes(candidate)) ?? null;
  }

  function gradient(word) {
    for (const [sign, name] of [["d", word.slice(1)], ["δ", `z${word.slice(1)}`]])
      if (word[0] === sign && model.gradients.has(value(name))) return value(name);
    return null;
  }

  // How much two words have in common, from 0 to 1: the longest common run, and what is left and right of it.
  function common(a, b) {
    let best = [0, 0, 0];
    for (let i = 0; i < a.length; i++)
      for (let j = 0; j < b.length; j++) {
        let n = 0;
        while (i + n < a.length && a[i + n] === b[j + n]) n++;
        if (n > best[0]) best = [n, i, j];
      }
    const [n, i, j] = best;
    return n && n + common(a.slice(0, i), b.slice(0, j)) + common(a.slice(i + n), b.slice(j + n));
  }

  function nearest(word) {
    const near = model.values.map((name) => [(2 * common(name, word)) / (name.length + word.length), name])
      .filter(([ratio]) => ratio >= 0.5).sort(([p, a], [q, b]) => q - p || (a < b ? 1 : -1));
    return near.length ? `did you mean ${near[0][1]}?` : `there are ${model.values.join(", ")}.`;
  }

  // --- tokens ---
  const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

  function tokens(text) {
    if (text.length > LONGEST)
      throw new AnswerError(
        `an answer has at most ${LONGEST} characters; this one has ${text.length}.`, LONGEST, text.length);
    const found = [];
    let at = 0;
    while (at < text.length) {
      if (/\s/.test(text[at])) { at++; continue; }
      found.push(token(text, at, found.at(-1)));
      at = found.at(-1).end;
    }
    return [...found, { kind: "end", text: "", start: text.length, end: text.length }];
  }

  function token(text, start, before) {
    const made = (kind, shown, end, more = {}) => ({ kind, text: shown, start, end, ...more });
    const operandBefore = before && OPERANDS.has(before.kind);
    const total = sticky(`[∂d]\\s*(?:${escaped(model.root)}|C)\\s*/\\s*[∂d]\\s*(?<open>\\()?`);
    let hit;
    if (operandBefore && (hit = match(TRANSPOSED, text, start))) return made("T", hit[0], start + hit[0].length);
    if (operandBefore && (hit = match(METHOD, text, start)))
      return made("method", hit[1], start + hit[0].length, { numpys: true });
    if ((hit = match(total, text, start))) return totalDerivative(text, start, hit, made);
    if ((hit = name(text, start)) !== null) return made("value", hit, start + hit.length);
    if ((hit = match(NUMBER, text, start))) return made("number", hit[0], start + hit[0].length);
    if ((hit = match(RAISED, text, start)))
      return made("raised", lowered(hit[0], "⁰¹²³⁴⁵⁶⁷⁸⁹").replace("⁻", "-").replace("⁺", "+"), start + hit[0].length);
    const sign = LONG_FIRST.find((each) => text.startsWith(each, start));
    return sign ? made(SIGNS[sign], sign, start + sign.length) : word(text, start, made);
  }

  // The longest name of a value that stands here; names may have dots and signs in them.
  function name(text, start) {
    const goesOn = (known) => {
      const longer = match(WORD, text, start);
      return longer && longer[0].length > known.length && value(longer[0]) !== null;
    };
    const stands = (known) => text.startsWith(known, start) && !/^[A-Za-z0-9_₀-₉]/.test(text.slice(start + known.length));
    const longFirst = [...model.values].sort((a, b) => b.length - a.length);
    return longFirst.find((known) => stands(known) && !goesOn(known)) ?? null;
  }

  function totalDerivative(text, start, hit, made) {
    const at = start + hit[0].length, longer = match(WORD, text, at);
    let of = name(text, at), end = at + (of ?? "").length;
    if (of === null && longer) [of, end] = [value(longer[0]), at + longer[0].length];
    if (hit.groups.open !== undefined && text[end] === ")") end++;
    const shown = text.slice(start, end);
    if (of === null) throw new AnswerError(`${shown}: ${nearest(text.slice(at, end))}`, start, Math.max(end, start + 1));
    if (!model.gradients.has(of)) throw new AnswerError(`${shown}: no gradient of ${of} is worked out here.`, start, end);
    return made("gradient", of, end);
  }

  function word(text, start, made) {
    const link = match(DERIVATIVE, text, start);
    if (link)
      throw new AnswerError(`${link[0]}: write out what this derivative is.`, start, start + link[0].length);
    const module = match(MODULE, text, start), begins = start + (module ? module[0].length : 0);
    const found = match(WORD, text, begins);
    if (!found) throw new AnswerError(`${quoted(text[start])} is no part of an answer.`, start, start + 1);
    const [shown] = found, end = begins + shown.length;
    if (["axis", "keepdims"].includes(shown) && /^\s*=/.test(text.slice(end))) return made("word", shown, end);
    if (!module && value(shown) !== null) return made("value", value(shown), end);
    if (!module && gradient(shown) !== null) return made("gradient", gradient(shown), end);
    if (functions.has(shown) || CALLED.has(shown)) return made("function", shown, end, { numpys: module !== null });
    if (!module && ["m", "e", "True", "False", "if", "else"].includes(shown)) return made(shown, shown, end);
    throw new AnswerError(`${quoted(shown)} is no value of this graph: ${nearest(shown)}`, start, end);
  }

  return { AnswerError, CALLED, quoted, tokens };
})();
