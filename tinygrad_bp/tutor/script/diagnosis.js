// From a wrong answer to its mistake: corrections are tried until one makes it right; the same as in diagnosis.py.
const diagnosis = (() => {
  "use strict";
  const { HADAMARD, made, number, replaced, symbols, shared, walk, general, written } = terms;
  const { Misfit, evaluate, readings, matches, isRight, shown } = evaluation;
  const { PART, differences, signs, matrices, sums, parentheses, numbers } = corrections;
  const { neighbours, others, localDerivatives, costs, forgotten, arriving, missingTerms, otherFunctions, superfluous } =
    factors;
  const SURE = [differences, signs, sums];
  const SINGLE = [matrices, parentheses, superfluous, neighbours, numbers, localDerivatives, otherFunctions, forgotten,
    arriving, missingTerms, costs, others];
  const PAIRED = [differences, matrices, neighbours, sums, localDerivatives, forgotten];
  const MOST_PAIRS = 10_000;

  const finding = (mistake, message, part = null, edge = null, correction = null) =>
    ({ mistake, message, part, edge, correction });
  const truths = (name) => model.runs.map((sample) => [sample, sample.gradients.get(name)]);

  // What is wrong with an answer; null if it is right.
  function found(exercise, whole) {
    const asked = truths(exercise.name);
    if (isRight(whole, asked)) return null;
    return one(exercise, asked, tried(exercise, whole, SURE)) ?? scaled(exercise, asked, whole)
      ?? one(exercise, asked, tried(exercise, whole, SINGLE)) ?? two(exercise, asked, whole)
      ?? known(exercise, whole) ?? byShape(exercise, asked, whole);
  }

  function* tried(exercise, whole, makers) {
    for (const maker of makers) yield* maker(whole, exercise);
  }

  function one(exercise, asked, candidates) {
    for (const candidate of candidates) if (isRight(candidate.term, asked)) return told(exercise, candidate);
    return null;
  }

  function told(exercise, { mistake, message, part, term, edge, names, beside }, before = "", whole = term) {
    return finding(mistake, before + message, part, edge ?? edgeOf(exercise, names, beside), whole);
  }

  // Two mistakes; told is the one that stands first.
  function two(exercise, asked, whole) {
    let count = 0;
    for (const first of tried(exercise, whole, PAIRED))
      for (const second of tried(exercise, first.term, PAIRED)) {
        if (++count > MOST_PAIRS) return null;
        if (isRight(second.term, asked)) {
          const earlier = second.part.start < first.part.start ? second : first;
          return told(exercise, earlier, "Two things are wrong. The first: ", second.term);
        }
      }
    return null;
  }

  // --- numbers ---
  const close = (a, b) => Math.abs(a - b) <= 1e-8 + 1e-5 * Math.abs(b);

  // Whether only a number is missing before the whole: the mean over the examples, a factor.
  function scaled(exercise, asked, whole) {
    const ratio = [...readings(whole)].map((reading) => ratioOf(asked, reading)).find((found) => found !== null);
    if (ratio === undefined) return null;
    const { m } = model, edge = edgeOf(exercise), times = made(HADAMARD, number(ratio, whole), whole);
    if (m !== null && m > 1 && [1 / m, m].some((each) => close(Math.abs(ratio), each))) {
      const averaged = Math.abs(ratio) < 1, end = ratio < 0 ? ", and the sign is wrong." : ".";
      if (!averaged)
        return finding("averaged twice", `This is divided by m = ${m} once too often${end}`, whole, edge, times);
      const message = `The cost is the mean over m = ${m} examples: 1/m is forgotten${end}`;
      return finding("not averaged", message, whole, edge, made("/", whole, number(m, whole)));
    }
    for (const [place, part] of walk(whole))
      for (const value of part.kind === "number" ? [part.label * ratio, part.label / ratio] : []) {
        const other = replaced(whole, place, number(value, part));
        if (isRight(other, asked)) return finding("wrong number", `The number ${PART} is wrong.`, part, edge, other);
      }
    const times_ = general(1 / ratio, 6);
    const message = `All is right but a number: the answer is ${times_} times what it should be.`;
    return finding("wrong number", message, whole, edge, times);
  }

  // What the answer has to be multiplied by, if that is one number in all runs.
  function ratioOf(asked, whole) {
    let ratio = null;
    try {
      for (const [sample, truth] of asked) {
        const { shape, data } = evaluate(whole, sample);
        const dot = (a, b) => a.reduce((total, v, i) => total + v * b[i], 0), square = dot(data, data);
        if (shape.join() !== truth.shape.join() || !Number.isFinite(square) || square === 0) return null;
        ratio ??= dot(data, truth.data) / square;
        if (ratio === 0 || !matches({ shape, data: data.map((v) => ratio * v) }, truth)) return null;
      }
    } catch (error) {
      if (error instanceof Misfit) return null;
      throw error;
    }
    return ratio;
  }

  // --- how far it is right ---
  // The largest part of the answer that is the gradient of another value.
  function known(exercise, whole) {
    const all = [...model.runs[0].gradients.keys()].reverse();
    const names = all.filter((name) => ![exercise.name, model.root].includes(name));
    for (const [, part] of walk(whole)) {
      if (["gradient", "number", "value"].includes(part.kind)) continue;
      for (const name of names) {
        if (!isRight(part, truths(name))) continue;
        const entire = part === whole, towards = exercise.links.find((link) => link.target === name)
          ?? exercise.links.find((link) => link.source === exercise.name);
        const message = entire ? `This is ∂C/∂${name}; asked for is ∂C/∂${exercise.name}.`
          : `${PART} is right so far: it is ∂C/∂${name}; what is made of it is not.`;
        const edge = towards ? [towards.source, towards.target] : edgeOf(exercise);
        return finding(entire ? "another gradient" : null, message, part, edge);
      }
    }
    return null;
  }

  // Nothing is recognised: what shape is expected, and what came.
  function byShape(exercise, [[sample, truth]], whole) {
    let value;
    try {
      value = evaluate(readings(whole).next().value, sample);
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      return finding("shape", `${error.message}.`, error.term, edgeOf(exercise, symbols(error.term)));
    }
    if (value.shape.join() !== truth.shape.join()) {
      const expected = `∂C/∂${exercise.name} has that of ${exercise.name}, ${shown(truth.shape)}`;
      const message = `This has the shape ${shown(value.shape)}; ${expected}.`;
      return finding("shape", message, whole, edgeOf(exercise, symbols(whole)));
    }
    const ways = exercise.links.filter((link) => link.source === exercise.name);
    const hint = ways.length ? ` ${exercise.name} acts by ${ways.map((link) => link.how).join(" and by ")}.` : "";
    const edge = ways.length ? [ways[0].source, ways[0].target] : edgeOf(exercise);
    return finding(null, `The shape is right, the numbers are not.${hint}`, whole, edge);
  }

  // The link whose formula has most of these values in it; without any, the one at the cost.
  function edgeOf({ links }, names = new Set(), beside = new Set()) {
    let best = null, most = -1;
    for (const link of links) {
      const score = 2 * shared(names, link.names) + shared(beside, link.names);
      if (score > most) [best, most] = [link, score];
    }
    if (!names.size && !beside.size) best = links.findLast((link) => link.target === model.root) ?? null;
    return best && [best.source, best.target];
  }

  // --- the verdict ---
  function refuse(whole, names, why) {
    for (const [, part] of walk(whole))
      if (part.kind === "gradient" && names.has(part.label))
        throw new words.AnswerError(`${written(part)} ${why}.`, part.start, part.end);
  }

  function check(name, text) {
    const exercise = model.exercises.find((each) => each.name === name);
    const verdict = (right, message, more = {}) => ({
      right, message: message.replaceAll("∂C/", `∂${model.root}/`), mistake: null, where: null, edge: null,
      correction: null, ...more,
    });
    try {
      const whole = reading.read(text, name);
      refuse(whole, new Set([name]), "is what is asked for");
      const wrong = found(exercise, whole);
      if (wrong) {
        const { mistake, message, part, edge, correction } = wrong, where = part && [part.start, part.end];
        const quoted = where ? message.replaceAll(PART, text.slice(...where)) : message;
        return verdict(false, quoted, { mistake, where, edge, correction: correction && written(correction) });
      }
      const later = [...model.gradients].filter((name) => !exercise.usable.includes(name));
      refuse(whole, new Set(later), "follows from what is asked for");
      return verdict(true, "Right.");
    } catch (error) {
      if (!(error instanceof words.AnswerError)) throw error;
      return verdict(false, error.message, { mistake: "unreadable", where: [error.start, error.end] });
    }
  }

  return { check };
})();
