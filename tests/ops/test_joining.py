"""Ops of any number of inputs: what n of them cost grows with n, not with n²."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tests.stress.fanin import JOINING, backward, forward
from tinygrad_bp.registry import OPS, Each


@pytest.mark.parametrize("join", JOINING.values(), ids=JOINING)
def test_many_inputs(join):
    backward(join, 300)
    forward(join, 300)


class Counted(np.ndarray):
    """An array that counts the elements of what is taken of it."""

    taken = 0

    def __getitem__(self, index):
        part = super().__getitem__(index)
        Counted.taken += np.size(part)
        return part


@pytest.mark.parametrize(
    ("name", "params"), [("stack", {"axis": 0}), ("concatenate", {"axis": 0, "ends": range(1, 101)})]
)
def test_a_rule_takes_its_part_alone(name, params):
    """The cotangent is cut, not copied, and no rule is given the other inputs."""
    op, y = OPS[name], np.arange(100.0).reshape(100)
    assert op.joins
    Counted.taken = 0
    shares = [op.vjps[i](y.view(Counted), y, **params) for i in range(100)]
    assert [np.asarray(share).item() for share in shares] == y.tolist()
    assert Counted.taken == 100


def test_ops_of_any_number_of_inputs_join_or_are_few():
    """einsum's operands are as many as there are letters for; of an index the arrays carry no gradient."""
    many = {op.name for op in OPS.values() if isinstance(op.vjps, Each) and not op.internal and not op.joins}
    assert not many


def test_some_of_many_inputs_move():
    x = np.arange(3.0)

    def f(a, b):
        return tg.concatenate([a, x, 2 * b, a]) ** 2

    _, moved = tg.jvp(f, (x, x + 1), (np.ones(3), np.zeros(3)))
    np.testing.assert_allclose(moved, [*2 * x, *np.zeros(6), *2 * x])
    np.testing.assert_allclose(tg.jacobian(f, argnums=1, mode="forward")(x, x), tg.jacobian(f, argnums=1)(x, x))
    hessians = [
        tg.jacobian(tg.jacobian(f, mode=m), mode=k)(x, x)
        for m in ("forward", "reverse")
        for k in ("forward", "reverse")
    ]
    for h in hessians[1:]:
        np.testing.assert_allclose(h, hessians[0])
