"""The steps of a computation as data: their order, what they read, what they add."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.draw.frames import numbers, steps, symbols
from tinygrad_bp.graph import Graph, graph


def parameter(value, name):
    return tg.tensor(value, requires_grad=True, name=name)


def network():
    """The article's 7-2-1 network."""
    rng = np.random.default_rng(0)
    X, y = tg.tensor(rng.normal(size=(7, 4)), name="X"), tg.tensor(np.ones((1, 4)), name="y")
    W1, b1, W2, b2 = (
        parameter(rng.normal(size=shape), name)
        for name, shape in (("W1", (2, 7)), ("b1", (2, 1)), ("W2", (1, 2)), ("b2", (1, 1)))
    )
    a1 = tg.sigmoid((W1 @ X + b1).named("z1")).named("a1")
    a2 = tg.sigmoid((W2 @ a1 + b2).named("z2")).named("a2")
    return tg.binary_cross_entropy(a2, y).named("C")


def of(C, detail="named"):
    picture = graph(C).view(detail)
    names = {node.id: node.name for node in picture.nodes}
    return steps(picture), names


def test_the_order_is_forward_seed_and_back():
    found, names = of(network())
    assert [step.kind for step in found] == ["given", *["forward"] * 5, "seed", *["backward"] * 8, "result"]
    assert [names[step.nodes[0]] for step in found if step.kind == "forward"] == ["z1", "a1", "z2", "a2", "C"]
    backward = [names[step.nodes[0]] for step in found if step.kind == "backward"]
    assert backward[:2] == ["a2", "z2"]
    assert set(backward[2:5]) == {"W2", "a1", "b2"}
    assert backward[5] == "z1"
    assert [names[node] for node in found[-1].nodes] == ["W1", "b1", "W2", "b2"]


def test_rules_go_from_the_chain_rule_to_the_derivative():
    C = network()
    picture = graph(C).view("named")
    ids = {node.name: node.id for node in picture.nodes}
    step = next(s for s in steps(picture) if s.kind == "backward" and s.nodes == (ids["W2"],))
    z2, a1 = ids["z2"], ids["a1"]
    assert step.rules[0].startswith(f"‹∂{z2}› \\cdot")
    assert step.rules[1] == f"‹∂{z2}› \\cdot ‹{a1}›^{{\\top}}"
    assert step.reads == (z2, a1)
    step = next(s for s in steps(picture) if s.kind == "backward" and s.nodes == (z2,))
    assert step.rules[1] == f"‹∂{ids['a2']}› \\odot ‹{ids['a2']}› \\odot (1 - ‹{ids['a2']}›)"


@pytest.mark.parametrize("detail", ["named", "ops"])
def test_the_gradients_at_the_end_are_those_of_backward(detail):
    x = parameter([[1.0, -2.0], [0.5, 3.0]], "x")
    C = tg.sum(tg.sigmoid(x @ x) * x).named("C")
    found, names = of(C, detail)
    C.backward()
    last = [step for step in found if names[step.nodes[0]] == "x" and step.kind in ("backward", "sum")][-1]
    assert np.array_equal(last.after, x.grad)


def test_fan_out_adds_up_and_then_has_a_step_of_its_own():
    x = parameter(3.0, "x")
    h = (x * x).named("h")
    found, names = of((5 * h + 2 * h).named("C"))
    on_h = [step for step in found if names[step.nodes[0]] == "h" and step.kind in ("backward", "sum")]
    assert [step.kind for step in on_h] == ["backward", "backward", "sum"]
    first, second, total = on_h
    assert first.before is None
    assert float(first.after) == float(first.value) == float(second.before)
    assert not first.complete
    assert second.complete
    assert float(second.after) == float(total.value) == 7
    assert len(total.edges) == 2
    assert found.index(total) < min(i for i, step in enumerate(found) if names[step.nodes[0]] == "x" and i > 2)


def test_a_hook_that_changes_a_gradient_is_seen():
    x = parameter(3.0, "x")
    x.register_hook(lambda g: 10 * g)
    found, _ = of((x * 2.0).named("C"))
    assert float(next(step for step in found if step.kind == "backward").after) == 20


def test_without_gradients_there_is_no_way_back():
    found, _ = of((parameter([1.0, 2.0], "x") * 2.0).named("y"))
    assert [step.kind for step in found] == ["given", "forward"]


def test_a_derivative_of_which_only_the_symbol_is_known():
    x = parameter(1.0, "x")
    value = x
    for _ in range(30):
        value = tg.exp(-value * x) + tg.log(value + 2)
    found, _ = of((value.named("z") * 2).named("C"))
    assert {len(step.rules) for step in found if step.kind == "backward"} == {1, 2}


def test_a_graph_from_json_has_steps_without_numbers():
    picture = Graph.from_json(graph(network()).to_json()).view("named")
    found = steps(picture)
    assert [step.kind for step in found].count("backward") == 8
    assert all(step.value is None for step in found)
    assert numbers(picture) == {}


def test_every_slot_has_a_symbol():
    picture = graph(network()).view("named")
    known = symbols(picture)
    assert {f"∂{node.id}" for node in picture.nodes} <= known.keys()
    assert {f"+{i}" for i in range(len(picture.edges))} <= known.keys()


def test_the_arrays_cannot_be_written_to():
    picture = graph(network())
    arrays = [a for part in (*picture.nodes, *picture.edges) for a in _arrays(part)]
    assert len(arrays) > 20
    assert not any(array.flags.writeable for array in arrays)


def _arrays(part):
    found = [getattr(part, name, None) for name in ("data", "gradient_data", "contribution_data")]
    return [array for array in found if array is not None]
