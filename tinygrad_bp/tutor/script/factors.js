// Mistakes in the factors of an answer, in the order in which they are tried; the same as in factors.py.
const factors = (() => {
  "use strict";
  const { HADAMARD, IMPLIED, MATRIX, PRODUCTS, equal, fromTheRight, isSymbol, key, made, mapped, replaced, some, symbols,
    term, walk, within, written } = terms;
  const { PART, correction, corrected } = corrections;
  const numbersIn = (name) => name.match(/\d+/g) ?? [];
  const lettersOf = (name) => name.replace(/\d+/g, "");

  // --- symbols ---
  function* neighbours(whole, setting) {
    yield* otherSymbols(whole, setting, true);
  }

  function* others(whole, setting) {
    yield* otherSymbols(whole, setting, false);
  }

  function* otherSymbols(whole, setting, near) {
    const candidates = model.values.filter((name) => name !== model.root).map((name) => ["value", name]);
    candidates.push(...setting.usable.map((name) => ["gradient", name]));
    for (const [place, part] of walk(whole)) {
      if (!isSymbol(part)) continue;
      for (const [kind, label] of candidates) {
        const mistake = relation(part, kind, label);
        if ((kind === part.kind && label === part.label) || (mistake !== null) !== near) continue;
        const other = { ...part, kind, label }, told = [mistake ?? "wrong symbol", said(mistake, other)];
        const renamed = (inner) => (equal(inner, part) ? { ...inner, kind, label } : inner);
        yield corrected(...told, whole, place, part, other);
        const everywhere = near ? mapped(whole, renamed) : null;
        if (near && !equal(everywhere, replaced(whole, place, other)))
          yield correction(...told, part, everywhere, null, symbols(other));
      }
    }
  }

  // How a symbol and another one are near each other; null if they are not.
  function relation(part, kind, name) {
    if (part.label === name) return kind === "gradient" ? "value for gradient" : "gradient for value";
    if (part.kind !== kind) return null;
    if (lettersOf(part.label) === lettersOf(name)) return "wrong layer";
    const [old, now] = [numbersIn(part.label), numbersIn(name)];
    if (old.length && old.join() === now.join()) return "wrong symbol of the layer";
    const layer = now.length ? name : part.label;  // the inputs are a[0]
    return (!old.length || !now.length) && /^a\d+$/.test(layer) ? "wrong layer" : null;
  }

  function said(mistake, other) {
    const name = written(other);
    if (mistake === "wrong layer") return `${PART} belongs to another layer; here it is ${name}.`;
    if (mistake === "value for gradient") return `${PART} is the value; here its gradient ${name} is needed.`;
    if (mistake === "gradient for value") return `${PART} is the gradient; here the value ${name} is needed.`;
    return `${PART} is wrong here; it is ${name}.`;
  }

  // --- factors ---
  function* localDerivatives(whole, setting) {
    for (const link of setting.links) if (link.local) yield* derivatives("wrong g′", whole, link, link.local);
  }

  function* costs(whole, setting) {
    for (const link of setting.links)
      if (link.target === model.root && link.formula.label !== "δ" && whole.parts.length)
        for (const found of derivatives("wrong derivative of the cost", whole, link, link.formula))
          if (found.part !== whole) yield found;
  }

  function* derivatives(mistake, whole, link, derivative) {
    const own = new Set([`value ${link.source}`, `value ${link.target}`, ...symbols(derivative)]);
    const message = `${PART} is not the derivative of ${link.how} for ${link.source}.`;
    for (const [place, part] of walk(whole))
      for (const [other, chosen] of groups(part, own, derivative))
        yield correction(mistake, message, chosen, replaced(whole, place, other), [link.source, link.target]);
  }

  const owned = (names, own) => names.size > 0 && within(names, own);

  function* groups(part, own, local) {
    if (owned(symbols(part), own)) yield [{ ...local, start: part.start, end: part.end }, part];
    if (part.kind !== HADAMARD && part.kind !== IMPLIED) return;
    const count = part.parts.length;
    for (let i = 0; i < count; i++)
      for (let j = count; j > i + 1; j--) {
        const run = part.parts.slice(i, j), place = { start: run[0].start, end: run.at(-1).end };
        if (j - i === count || !owned(new Set(run.flatMap((inner) => [...symbols(inner)])), own)) continue;
        const parts = part.parts.toSpliced(i, j - i, { ...local, ...place });
        yield [{ ...part, parts }, { ...part, parts: run, ...place }];
      }
  }

  // What a link makes of a gradient.
  const isCotangent = (part) => part.label === "δ";
  const after = ({ formula }, given) =>
    ({ ...mapped(formula, (part) => (isCotangent(part) ? given : part)), start: given.start, end: given.end });

  function* forgotten(whole, setting) {
    const other = fromTheRight(whole), links = setting.links.filter((link) => link.target !== model.root);
    for (const tree of equal(other, whole) ? [whole] : [whole, other])
      for (const link of links) yield* lacking(tree, link);
  }

  function* lacking(whole, link) {
    for (const [place, part] of walk(whole)) {
      if (part.kind === "number") continue;
      let told = ["forgotten factor", `A factor is forgotten: that of ${link.source} in ${link.how}.`];
      if (some(link.formula, (inner) => inner.free))
        told = ["forgotten sum", `${link.source} acts on all examples, so what ${PART} gives is added up.`];
      else if (link.local)
        told = ["forgotten g′", `A factor is forgotten: the derivative of ${link.how} for ${link.source}.`];
      yield correction(...told, part, replaced(whole, place, after(link, part)), [link.source, link.target]);
    }
  }

  // The derivative of one link alone, without the gradient that arrives at it.
  function* arriving(whole, setting) {
    for (const { source, target } of setting.links) {
      if (!setting.usable.includes(target)) continue;
      const arrives = term("gradient", [], { label: target, start: whole.start, end: whole.end });
      const why = `∂C/∂${target} is forgotten: ${PART} is only how ${target} changes with ${source}.`;
      for (const parts of [[HADAMARD, arrives, whole], [MATRIX, arrives, whole], [MATRIX, whole, arrives]])
        yield correction("forgotten factor", why, whole, made(...parts), [source, target]);
    }
  }

  function* missingTerms(whole, setting) {
    const message = `${PART}: a term is forgotten. Follow every way to the cost.`;
    for (const missing of setting.terms) {
      const other = made("+", whole, { ...missing, start: whole.start, end: whole.end });
      yield correction("forgotten term", message, whole, other, null, symbols(missing));
    }
  }

  function* otherFunctions(whole, setting) {
    const calls = setting.links.flatMap((link) => [...walk(link.formula)]).filter(([, part]) => part.kind === "call");
    const labels = new Set(calls.map(([, part]) => part.label));
    for (const [place, part] of walk(whole))
      if (part.kind === "call" && !part.free)
        for (const label of labels)
          if (label !== part.label)
            yield corrected(
              "wrong function", `${PART}: another function is needed.`, whole, place, part, { ...part, label });
  }

  function* superfluous(whole) {
    for (const [place, part] of walk(whole)) {
      if (part.kind === "call" || part.kind === "**") {
        const message = `${PART}: ${part.label || "the power"} does not belong here.`;
        yield corrected("superfluous function", message, whole, place, part, part.parts[0]);
      } else if (PRODUCTS.has(part.kind) || part.kind === "/") {
        for (const [run, rest] of without(part)) {
          const other = rest.length === 1 ? rest[0] : { ...part, parts: rest };
          const message = `The ${part.kind === "/" ? "divisor" : "factor"} ${PART} does not belong here.`;
          const names = symbols(run).size ? symbols(run) : symbols(part);
          yield correction("superfluous factor", message, run, replaced(whole, place, other), null, names);
        }
      }
    }
  }

  // Any run of a product's factors, the shortest first, and what is left without it; of a quotient its divisor.
  function* without(part) {
    const count = part.parts.length;
    for (let length = 1; length < count; length++)
      for (let i = 0; i <= count - length; i++) {
        const run = part.parts.slice(i, i + length);
        if (part.kind === "/" && i !== 1) continue;
        const whole = length === 1 ? run[0] : { ...part, parts: run, start: run[0].start, end: run.at(-1).end };
        yield [whole, part.parts.toSpliced(i, length)];
      }
  }

  return {
    neighbours, others, localDerivatives, costs, forgotten, arriving, missingTerms, otherFunctions,
    superfluous,
  };
})();
