// The same in a notebook: a tree of its own, and Python knows the step.
export default {
  render({ model, el }) {
    const tree = el.attachShadow({ mode: "open" });
    tree.innerHTML = model.get("page");
    const { go, end } = stepThrough(tree, tree.querySelector(".body"), model.get("step"), (step) => {
      model.set("step", step);
      model.save_changes();
    });
    const follow = () => go(model.get("step"));
    model.on("change:step", follow);
    return () => {
      model.off("change:step", follow);
      end();
    };
  },
};
