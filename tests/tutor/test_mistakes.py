"""Typical wrong answers, each recognised for what it is, at its place."""

import pytest

from tests.tutor.networks import tutor

pytest.importorskip("sympy", reason="derivations are simplified by the extra derive")

# network, exercise, answer, the mistake, the place that is underlined, the edge of the picture
MISTAKES = [
    # transpositions
    ("batch", "z2", "W3 @ dz3 * a2 * (1 - a2)", "missing transposition", "W3", "a2→z3"),
    ("batch", "z1", "W2 @ dz2 * a1 * (1 - a1)", "missing transposition", "W2", "a1→z2"),
    ("batch", "a1", "W2·∂C/∂z2", "missing transposition", "W2", "a1→z2"),
    ("batch", "W2", "dz2 @ a1", "missing transposition", "a1", "W2→z2"),
    ("batch", "W1", "∂C/∂z1·X", "missing transposition", "X", "W1→z1"),
    ("one", "z1", "W2·dz2 ⊙ a1(1 − a1)", "missing transposition", "W2", "a1→z2"),
    ("batch", "z2", "W3.T @ dz3.T * a2 * (1 - a2)", "superfluous transposition", "dz3.T", None),
    ("batch", "W2", "dz2.T @ a1.T", "superfluous transposition", "dz2.T", None),
    ("rows", "W2", "a1 @ dz2", "missing transposition", "a1", "W2→z2"),
    ("rows", "a1", "dz2 @ W2", "missing transposition", "W2", "a1→z2"),
    ("square", "a1", "W2 @ dz2", "missing transposition", "W2", "a1→z2"),
    ("square", "W2", "dz2 @ a1", "missing transposition", "a1", "W2→z2"),
    ("batch", "W2", "a1 @ dz2.T", "missing transposition", "a1 @ dz2.T", "W2→z2"),
    # the order of a product
    ("batch", "W2", "a1.T @ dz2", "order of a product", "a1.T @ dz2", "W2→z2"),
    ("batch", "W1", "X.T @ dz1", "order of a product", "X.T @ dz1", "W1→z1"),
    ("batch", "a1", "dz2 @ W2.T", "order of a product", "dz2 @ W2.T", "a1→z2"),
    ("squares", "W1", "x.T @ ((a1 - y) * a1 * (1 - a1))", "order of a product", None, "W1→z1"),
    ("batch", "z2", "dz3·W3ᵀ ⊙ a2(1 − a2)", "order of a product", "dz3·W3ᵀ", "a2→z3"),
    ("square", "a2", "np.dot(dz3, W3.T)", "order of a product", "np.dot(dz3, W3.T)", "a2→z3"),
    # the kind of a product
    ("square", "a1", "W2.T * dz2", "Hadamard for product", "W2.T * dz2", "a1→z2"),
    ("batch", "W2", "dz2 * a1.T", "Hadamard for product", "dz2 * a1.T", "W2→z2"),
    ("batch", "a1", "W2ᵀ ⊙ dz2", "Hadamard for product", "W2ᵀ ⊙ dz2", "a1→z2"),
    ("batch", "z1", "W2.T * dz2 * a1 * (1 - a1)", "Hadamard for product", "W2.T * dz2", "a1→z2"),
    ("batch", "z2", "da2 @ (a2 * (1 - a2))", "product for Hadamard", "da2 @ (a2 * (1 - a2))", "z2→a2"),
    ("batch", "z1", "W2ᵀ·dz2·(a1(1 − a1))", "product for Hadamard", "W2ᵀ·dz2·(a1(1 − a1))", None),
    ("square", "z1", "da1 * (a1 @ (1 - a1))", "product for Hadamard", "(a1 @ (1 - a1))", "z1→a1"),
    # the batch
    ("batch", "z3", "a3 - y", "not averaged", "a3 - y", "a3→C"),
    ("batch", "W3", "(a3 - y) @ a2.T", "not averaged", "(a3 - y) @ a2.T", "a3→C"),
    ("batch", "z2", "W3.T @ (a3 - y) * a2 * (1 - a2)", "not averaged", "W3.T @ (a3 - y) * a2 * (1 - a2)", "a3→C"),
    ("batch", "b3", "sum(a3 − y)", "sum for mean", "sum(a3 − y)", "a3→C"),
    ("batch", "W2", "dz2 @ a1.T / m", "averaged twice", "dz2 @ a1.T / m", "a3→C"),
    ("batch", "z3", "(a3 - y)/m/m", "averaged twice", "(a3 - y)/m/m", "a3→C"),
    ("batch", "z3", "(a3 - y)*m", "wrong number", "m", "a3→C"),
    ("rows", "z3", "a3 − y", "not averaged", "a3 − y", "a3→C"),
    ("batch", "b2", "mean(dz2)", "mean for sum", "mean(dz2)", "b2→z2"),
    ("batch", "b2", "1/m sum(dz2)", "averaged twice", "1/m sum(dz2)", "a3→C"),
    # the sum for a bias
    ("batch", "b2", "dz2", "forgotten sum", "dz2", "b2→z2"),
    ("batch", "b1", "W2.T @ dz2 * a1 * (1 - a1)", "forgotten sum", "W2.T @ dz2 * a1 * (1 - a1)", "b1→z1"),
    ("rows", "b1", "dz1", "forgotten sum", "dz1", "b1→z1"),
    ("batch", "b2", "np.sum(dz2, axis=1)", "keepdims", "np.sum(dz2, axis=1)", "b2→z2"),
    ("batch", "b2", "dz2.sum(axis=1)", "keepdims", "dz2.sum(axis=1)", "b2→z2"),
    ("batch", "b2", "np.sum(dz2)", "axis", "np.sum(dz2)", "b2→z2"),
    ("batch", "b2", "np.sum(dz2, axis=0, keepdims=True)", "axis", "np.sum(dz2, axis=0, keepdims=True)", "b2→z2"),
    ("rows", "b2", "np.sum(dz2, axis=0)", "keepdims", "np.sum(dz2, axis=0)", "b2→z2"),
    # g′
    ("batch", "z2", "W3.T @ dz3", "forgotten g′", "W3.T @ dz3", "z2→a2"),
    ("batch", "z1", "da1", "forgotten g′", "da1", "z1→a1"),
    ("relu", "z1", "W2ᵀ·dz2", "forgotten g′", "W2ᵀ·dz2", "z1→a1"),
    ("batch", "z1", "W2.T @ (W3.T @ dz3) * a1 * (1 - a1)", "forgotten g′", "(W3.T @ dz3)", "z2→a2"),
    ("batch", "z1", "W2.T @ W3.T @ dz3 * a1 * (1 - a1)", "forgotten g′", "W3.T @ dz3", "z2→a2"),
    ("square", "z1", "W2ᵀ·W3ᵀ·(a3 − y)/m ⊙ a1(1 − a1)", "forgotten g′", "W3ᵀ·(a3 − y)", "z2→a2"),
    ("tanh", "z1", "W2.T @ W3.T @ dz3 * (1 - a1**2)", "forgotten g′", "W3.T @ dz3", "z2→a2"),
    ("tanh", "z1", "W2ᵀ·dz2/cosh(z1)", "forgotten square", "cosh(z1)", "z1→a1"),
    ("tanh", "z1", "W2ᵀ·dz2 ⊙ (1 − 2a1²)", "superfluous factor", "2", "z1→a1"),
    ("batch", "b1", "dz1 @ X.T", "another gradient", "dz1 @ X.T", "b1→z1"),
    ("squares", "z1", "a1 - y", "forgotten g′", "a1 - y", "z1→a1"),
    ("batch", "z1", "W2.T @ dz2 * z1 * (1 - z1)", "wrong symbol of the layer", "z1", "z1→a1"),
    ("batch", "z1", "W2.T @ dz2 * a1 * (1 - z1)", "wrong symbol of the layer", "z1", "z1→a1"),
    ("batch", "z1", "W2.T @ dz2 * (1 - a1)", "wrong g′", "(1 - a1)", "z1→a1"),
    ("batch", "z1", "W2.T @ dz2 * a1", "wrong g′", "a1", "z1→a1"),
    ("batch", "z1", "W2.T @ dz2 * sigmoid(z1)", "wrong g′", "sigmoid(z1)", "z1→a1"),
    ("batch", "z1", "W2.T @ dz2 * (1 - a1**2)", "wrong g′", "(1 - a1**2)", "z1→a1"),
    ("tanh", "z1", "W2.T @ dz2 * a1 * (1 - a1)", "wrong g′", "a1 * (1 - a1)", "z1→a1"),
    ("tanh", "z1", "W2ᵀ·dz2 ⊙ (1 − tanh(z1))", "forgotten square", "tanh(z1)", "z1→a1"),
    ("tanh", "z1", "W2ᵀ·dz2 ⊙ (1 − z1²)", "wrong symbol of the layer", "z1", "z1→a1"),
    ("tanh", "z1", "W2ᵀ·dz2 ⊙ (1 + a1²)", "sign", "(1 + a1²)", "z1→a1"),
    ("relu", "z1", "W2ᵀ·dz2 ⊙ a1", "wrong g′", "a1", "z1→a1"),
    ("relu", "z1", "W2ᵀ·dz2 ⊙ a1(1 − a1)", "wrong g′", "a1(1 − a1)", "z1→a1"),
    ("batch", "z1", "W2.T @ (dz2 * a2 * (1 - a2)) * a1 * (1 - a1)", "superfluous factor", "a2 * (1 - a2)", None),
    ("batch", "z1", "W2.T @ dz2 * a2 * (1 - a2)", "wrong layer", "a2", "z1→a1"),
    ("squares", "z1", "a1 * a1 * (1 - a1)", "value for gradient", "a1", None),
    ("squares", "z1", "(a1 * y) * a1 * (1 - a1)", "wrong derivative of the cost", "a1 * y", "a1→C"),
    ("squares", "z1", "(a1 - y)**3 * a1 * (1 - a1)", "superfluous function", "(a1 - y)**3", "a1→C"),
    ("batch", "a3", "(1 − y)/(1 − a3) − y/a3", "not averaged", None, "a3→C"),
    ("batch", "a3", "((1 − y)/(1 − a3) + y/a3)/m", "sign", None, "a3→C"),
    ("batch", "a3", "(y/a3 - (1 - y)/(1 - a3))/m", "order of a difference", None, "a3→C"),
    ("batch", "a3", "-y/a3/m", "forgotten term", None, "a3→C"),
    # signs
    ("batch", "z3", "(y - a3)/m", "order of a difference", "(y - a3)", "a3→C"),
    ("one", "z3", "y − a3", "order of a difference", "y − a3", "a3→C"),
    ("one", "z3", "-(a3 - y)", "sign", "-(a3 - y)", "a3→C"),
    ("batch", "z1", "-W2.T @ dz2 * a1 * (1 - a1)", "sign", None, None),
    ("batch", "z1", "W2.T @ dz2 * a1 * (a1 - 1)", "order of a difference", "(a1 - 1)", "z1→a1"),
    ("batch", "z1", "W2.T @ dz2 * a1 * (1 + a1)", "sign", "(1 + a1)", "z1→a1"),
    ("one", "z3", "a3 + y", "sign", "a3 + y", "a3→C"),
    ("squares", "z1", "(y - a1) * a1 * (1 - a1)", "order of a difference", "(y - a1)", None),
    # another layer's symbols
    ("square", "z1", "W1.T @ dz2 * a1 * (1 - a1)", "wrong layer", "W1", "a1→z2"),
    ("batch", "z1", "W3.T @ dz2 * a1 * (1 - a1)", "wrong layer", "W3", "a1→z2"),
    ("batch", "z2", "W3.T @ dz3 * a1 * (1 - a1)", "wrong layer", "a1", "z2→a2"),
    ("square", "z1", "W2.T @ dz2 * a2 * (1 - a2)", "wrong layer", "a2", "z1→a1"),
    ("batch", "W2", "dz2 @ X.T", "wrong layer", "X", "W2→z2"),
    ("batch", "W2", "dz2 @ a2.T", "wrong layer", "a2", "W2→z2"),
    ("batch", "W1", "dz1 @ a1.T", "wrong layer", "a1", "W1→z1"),
    ("batch", "W2", "dz2 @ z1.T", "wrong symbol of the layer", "z1", "W2→z2"),
    ("batch", "W2", "dz3 @ a1.T", "wrong layer", "dz3", "W2→z2"),
    ("batch", "W2", "da2 @ a1.T", "wrong symbol of the layer", "da2", "W2→z2"),
    ("batch", "b2", "sum(dz3)", "wrong layer", "dz3", "b2→z2"),
    ("batch", "W2", "z2 @ a1.T", "value for gradient", "z2", "W2→z2"),
    ("batch", "z3", "(z3 - y)/m", "wrong symbol of the layer", "z3", "a3→C"),
    ("batch", "z3", "(a2 - y)/m", "wrong layer", "a2", "a3→C"),
    # forgotten and superfluous
    ("batch", "W2", "dz2", "forgotten factor", "dz2", "W2→z2"),
    ("batch", "z2", "dz3 * a2 * (1 - a2)", "forgotten factor", "dz3", "a2→z3"),
    ("square", "z1", "dz2 * a1 * (1 - a1)", "forgotten factor", "dz2", "a1→z2"),
    ("batch", "a1", "dz2", "forgotten factor", "dz2", "a1→z2"),
    ("one", "W3", "a2.T", "forgotten factor", "a2.T", "W3→z3"),
    ("batch", "W2", "a1ᵀ", "forgotten factor", "a1ᵀ", "W2→z2"),
    ("batch", "a2", "W3.T", "forgotten factor", "W3.T", "a2→z3"),
    ("batch", "z2", "a2 * (1 - a2)", "forgotten factor", "a2 * (1 - a2)", "z2→a2"),
    ("one", "a3", "(a3 - y)/a3", None, "(a3 - y)", None),
    ("batch", "a1", "W2.T @ dz2 * a1 * (1 - a1)", "superfluous factor", "a1 * (1 - a1)", None),
    ("squares", "W1", "(a1 - y) * a1 * (1 - a1)", "forgotten factor", "(a1 - y) * a1 * (1 - a1)", "W1→z1"),
    # numbers and parentheses
    ("batch", "z3", "2*(a3 - y)/m", "wrong number", "2", "a3→C"),
    ("batch", "z3", "(a3 - y)/4", "wrong number", "4", "a3→C"),
    ("squares", "z1", "2(a1 - y) * a1 * (1 - a1)", "wrong number", "2", None),
    ("batch", "z1", "W2.T @ dz2 * a1 * (2 - a1)", "wrong number", "2", "z1→a1"),
    ("batch", "z3", "a3 - y/m", "missing parentheses", "a3 - y/m", "a3→C"),
    ("squares", "z1", "a1 - y * a1 * (1 - a1)", "missing parentheses", "a1 - y * a1 * (1 - a1)", None),
    ("batch", "z1", "W2.T @ dz2 * a1 * 1 - a1", "missing parentheses", "W2.T @ dz2 * a1 * 1 - a1", None),
    # several ways to the cost
    ("ways", "x", "h * cos(x)", "forgotten term", "h * cos(x)", None),
    ("ways", "x", "dh * h", "forgotten term", "dh * h", None),
    ("ways", "h", "sin(x)", "forgotten term", "sin(x)", "h→C"),
    ("ways", "h", "cos(x) + 1", "wrong function", "cos(x)", "h→C"),
    ("ways", "x", "dh * h - h * cos(x)", "sign", "dh * h - h * cos(x)", None),
    # what is no gradient of this value
    ("batch", "z1", "y", "shape", "y", None),
]


@pytest.mark.parametrize(("network", "name", "answer", "mistake", "place", "edge"), MISTAKES)
def test_a_wrong_answer_is_recognised(network, name, answer, mistake, place, edge):
    verdict = tutor(network).check(name, answer)
    assert not verdict.right
    found = (verdict.mistake, verdict.where and answer[slice(*verdict.where)], "→".join(verdict.edge or ()))
    assert verdict.mistake == mistake, verdict
    assert place in (None, found[1]), verdict
    assert edge in (None, found[2]), verdict
    names = {node.id: node.name for node in verdict.graph.nodes}
    edges = {(names[link.source], names[link.target]) for link in verdict.graph.edges}
    assert verdict.edge is None or verdict.edge in edges


@pytest.mark.parametrize(
    ("network", "name", "answer"), [row[:3] for row in MISTAKES if row[3] not in ("shape", "another gradient", None)]
)
def test_the_correction_is_right(network, name, answer):
    verdict = tutor(network).check(name, answer)
    assert verdict.correction is not None
    assert tutor(network).check(name, verdict.correction).right, verdict.correction
