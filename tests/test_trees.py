"""Nested containers, taken apart and put together."""

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.trees import aligned, flatten, paths, tree_map


class Layer(NamedTuple):
    W: object
    b: object


@dataclass(frozen=True)
class Net:
    first: object
    rate: object = 0.1
    made: str = field(default="by a test", init=False)


TREES = {
    "a leaf": (1, [1]),
    "an array": ("array", ["array"]),
    "None": (None, [None]),
    "a list": ([1, [2, 3]], [1, 2, 3]),
    "a tuple": ((1, (2,), ()), [1, 2]),
    "a dict": ({"b": 1, "a": 2}, [1, 2]),
    "an ordered dict": (OrderedDict(b=1, a=[2, 3]), [1, 2, 3]),
    "a default dict": (defaultdict(list, b=1), [1]),
    "a named tuple": (Layer(1, [2]), [1, 2]),
    "a dataclass": (Net(Layer(1, 2), {"x": 3}), [1, 2, 3]),
    "nothing": ({}, []),
}
every_tree = pytest.mark.parametrize(("tree", "leaves"), TREES.values(), ids=TREES)

nested = st.recursive(
    st.integers(),
    lambda children: (
        st.lists(children, max_size=3)
        | st.lists(children, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), children, max_size=3)
        | st.builds(Layer, children, children)
        | st.builds(Net, children, children)
    ),
    max_leaves=8,
)


@every_tree
def test_leaves_come_in_order_and_find_their_places_again(tree, leaves):
    found, rebuild = flatten(tree)
    assert found == leaves
    again = rebuild(iter(leaves))
    assert again == tree
    assert type(again) is type(tree)
    assert len(paths(tree)) == len(leaves)


@given(nested)
def test_taken_apart_and_put_together_it_is_the_same(tree):
    leaves, rebuild = flatten(tree)
    assert rebuild(iter(leaves)) == tree
    assert flatten(rebuild(iter([2 * x for x in leaves])))[0] == [2 * x for x in leaves]
    assert tree_map(lambda x: -x, tree_map(lambda x: -x, tree)) == tree
    assert aligned(tree, tree, "it") == leaves


@given(nested)
def test_paths_are_python(tree):
    leaves = flatten(tree)[0]
    assert [eval(path, {"tree": tree}) for path in paths(tree, "tree")] == leaves


def test_a_default_dict_keeps_its_default():
    assert tree_map(str, defaultdict(list, a=1))["b"] == []


def test_the_given_container_is_left_alone():
    tree = {"W": [1, 2]}
    tree_map(lambda x: 0, tree)
    assert tree == {"W": [1, 2]}


def test_arrays_are_leaves():
    W = np.ones((2, 2))
    assert flatten([W])[0][0] is W


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"W": 1}, "net must be built like .* a dict of .*'W'.*'b'.*; got a dict of .*'W'"),
        ([1, 2], "net must be built like .* got a list of"),
        (5, "net must be built like .* got int"),
        ({"W": {"x": 1}, "b": (1, 2)}, r"net\['W'\] must be an array or a number; got a dict"),
    ],
)
def test_another_structure_is_refused_with_its_place(tree, message):
    with pytest.raises(ArgumentError, match=message):
        aligned(tree, {"W": 1, "b": (2, 3)}, "net")


def test_keys_match_by_name_not_by_order():
    assert aligned({"b": 3, "W": 1}, {"W": 0, "b": 0}, "net") == [1, 3]
