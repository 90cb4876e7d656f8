// Numbers as the picture writes them.
const numbers = (() => {
  "use strict";

  // Four significant digits, and a true minus sign.
  function written(x, digits = 4) {
    if (Number.isNaN(x)) return "NaN";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
    const [mantissa, power] = x.toExponential(digits - 1).split("e"), e = Number(power);
    const scientific = `${Number(mantissa)}e${e < 0 ? "-" : "+"}${String(Math.abs(e)).padStart(2, "0")}`;
    const plain = e < -4 || e >= digits ? scientific : String(Number(x.toPrecision(digits)));
    return (Object.is(x, -0) ? "-0" : plain).replaceAll("-", "−");
  }

  // As many digits as a cell has room for.
  const short = (x) => [3, 2, 1].map((digits) => written(x, digits)).find((text, i) => i === 2 || text.length <= 6);

  // A number, or the smallest, mean and largest of an array.
  function lines({ data }) {
    if (data.length === 1) return [written(data[0])];
    let low = Infinity, high = -Infinity, total = 0;
    for (const v of data) {
      low = Math.min(low, v);
      high = Math.max(high, v);
      total += v;
    }
    if (Number.isNaN(low)) return ["NaN"];
    const mean = Math.abs(total / data.length) < 1e-13 * Math.max(-low, high) ? 0 : total / data.length;
    return [`min ${written(low)}`, `mean ${written(mean)}`, `max ${written(high)}`];
  }

  return { written, short, lines };
})();

// What is given, and what follows from it.
const state = (() => {
  "use strict";
  const LONGEST = 2000;
  const run = graph(np), forward = cost(np);
  const initial = model.inputs.map(({ shape, data }) => np.array(shape, data));
  const inDtype = (i, x) => (model.inputs[i].float32 ? np.rounded(x) : x);
  const own = { given: [...initial], all: [], history: [], steps: 0, example: 0, failed: "", changed: () => {} };

  // The given arrays with those of one example in their place.
  function withExample(given, k) {
    const values = [...given];
    for (const { input, data } of model.examples.inputs) values[input] = np.array(values[input].shape, data[k]);
    return values;
  }

  function mean() {
    let total = 0;
    for (let k = 0; k < model.examples.count; k++) total += forward(withExample(own.given, k))[0].data[0];
    return total / model.examples.count;
  }

  return Object.assign(own, {
    // All values and gradients, the inputs first; what a program refuses leaves them as they were.
    compute() {
      try {
        own.all = [...own.given, ...run(own.given)];
        own.failed = "";
      } catch (error) {
        own.failed = String(error.message);
      }
    },

    // The cost, over all examples if there are any, joins the history.
    record() {
      let now = NaN;
      try {
        if (!own.failed) now = model.examples ? mean() : own.cost();
      } catch (error) {
        own.failed = `an example is refused: ${error.message}`;
      }
      own.history.push(now);
      if (own.history.length > LONGEST) own.history = own.history.filter((_, i) => i % 2 === 0);
    },

    cost: () => own.all[model.cost].data[0],
    number: (i, at) => own.given[i].data[at],

    set(i, at, value) {
      const data = own.given[i].data.slice();
      data[at] = value;
      own.given[i] = inDtype(i, np.array(own.given[i].shape, data));
      own.changed();
    },

    descend(alpha) {
      own.compute();  // what has changed since the last frame
      if (own.failed) return;
      model.inputs.forEach(({ trained, gradient }, i) => {
        if (trained) own.given[i] = inDtype(i, np.each((v, g) => v - alpha * g, own.given[i], own.all[gradient]));
      });
      own.steps += 1;
    },

    turn(by) {
      if (!model.examples) return;
      const { count } = model.examples;
      own.example = (own.example + by + count) % count;
      own.given = withExample(own.given, own.example);
    },

    reset() {
      Object.assign(own, { given: [...initial], history: [], steps: 0, example: 0 });
    },
  });
})();
