// What Python wrote down of the graph, as the script uses it.
const model = (() => {
  "use strict";
  const tolerances = new Map(data.tolerances);
  const array = ([name, shape, values]) => [name, { ...np.array(shape, values), tolerance: tolerances.get(name) }];
  return {
    ...data,
    gradients: new Set(data.gradients),
    aliases: new Map(data.aliases),
    runs: data.runs.map((run) => ({
      values: new Map(run.values.map(array)), gradients: new Map(run.gradients.map(array)),
    })),
    exercises: data.exercises.map((exercise) => {
      const links = exercise.links.map((link) => {
        const formula = terms.revived(link.formula), names = terms.symbols(formula);
        names.delete("value δ");
        if (link.local) for (const end of [link.source, link.target]) names.add(`value ${end}`);
        return { ...link, formula, local: terms.revived(link.local), names };
      });
      return { ...exercise, links, terms: exercise.terms.map(terms.revived) };
    }),
  };
})();
