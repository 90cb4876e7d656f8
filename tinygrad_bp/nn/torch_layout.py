"""Weights as PyTorch names and lays them out, and as this library does. Arrays in, arrays out: PyTorch is not needed.

Here examples are rows and weights stand on their right, so that matrices are the transposes of PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.calls import guarded
from tinygrad_bp.nn.activations import ParametricReLU
from tinygrad_bp.nn.attention import MultiHeadAttention
from tinygrad_bp.nn.containers import Sequential
from tinygrad_bp.nn.convolutional import Conv1d, Conv2d
from tinygrad_bp.nn.embedding import Embedding
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.linear import Linear
from tinygrad_bp.nn.normalisation import BatchNorm, LayerNorm
from tinygrad_bp.nn.parts import joined
from tinygrad_bp.nn.recurrent import GRU, LSTM, RNN
from tinygrad_bp.nn.state import tensors

State = dict[str, Array]
Convert = Callable[[State], State]


class Layout(NamedTuple):
    """How a kind of layer is converted; `ours` and `theirs` are the names that take part, where they are there."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    to_ours: Convert
    to_theirs: Convert


@guarded
def from_torch(model: Layer, state: Mapping[str, Any]) -> State:
    """The `state_dict` of a PyTorch module, as one for `model`, which is built alike: model.load_state_dict takes it.

    The layers of a Sequential are numbered, others go by their attributes, which have to be the same. Weights of
    Linear and recurrent layers are transposed, the two biases of recurrent layers added, the three matrices of
    attention taken apart; each layer's docstring names its counterpart. What is left over keeps its name, for
    `load_state_dict` to refuse, but for BatchNorm's count of batches.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> model = tg.nn.Sequential(tg.nn.Linear(2, 1), tg.nn.Tanh())
    >>> model.load_state_dict(from_torch(model, {"0.weight": np.array([[1.0, 2.0]]), "0.bias": np.array([3.0])}))
    >>> model.layers[0].W.tolist(), model.layers[0].b.tolist()
    ([[1.0], [2.0]], [3.0])
    """
    left = {name: np.asarray(array) for name, array in state.items() if not name.endswith("num_batches_tracked")}
    theirs = _their_path(model)
    ours: State = {}
    for path, layout in _layouts(model):
        names = {name: theirs(joined(path, name)) for name in layout.theirs}
        local = {name: left.pop(theirs_name) for name, theirs_name in names.items() if theirs_name in left}
        ours |= {joined(path, name): array for name, array in layout.to_ours(local).items()}
    ours |= {path: left.pop(theirs(path)) for path, _ in tensors(model) if path not in ours and theirs(path) in left}
    return ours | left


@guarded
def to_torch(model: Layer) -> State:
    """The state of `model` as arrays for a PyTorch module that is built alike: what `from_torch` reads.

    The whole bias of a recurrent layer is in bias_ih; of bias_hh only GRU's last third is not 0. PyTorch takes it as
    module.load_state_dict({name: torch.from_numpy(array) for name, array in to_torch(model).items()}).

    >>> import tinygrad_bp as tg
    >>> {name: array.shape for name, array in to_torch(tg.nn.Sequential(tg.nn.Linear(2, 1))).items()}
    {'0.weight': (1, 2), '0.bias': (1,)}
    """
    left, theirs = model.state_dict(), _their_path(model)
    found: State = {}
    for path, layout in _layouts(model):
        names = {name: joined(path, name) for name in layout.ours}
        local = {name: left.pop(our_name) for name, our_name in names.items() if our_name in left}
        found |= {theirs(joined(path, name)): array for name, array in layout.to_theirs(local).items()}
    return found | {theirs(path): array for path, array in left.items()}


def _layouts(model: Layer) -> Iterator[tuple[str, Layout]]:
    """The layers that PyTorch lays out in another way; what attention is made of goes with it."""
    whole: list[str] = []
    for path, layer in model.named_layers():
        if type(layer) in LAYOUTS and not any(path.startswith(joined(outer, "")) for outer in whole):
            yield path, LAYOUTS[type(layer)]
        if isinstance(layer, MultiHeadAttention):
            whole.append(path)


def _their_path(model: Layer) -> Callable[[str], str]:
    """A function from our paths to PyTorch's, which count the layers of a Sequential without a word before."""
    counted = [joined(path, "layers.") for path, layer in model.named_layers() if isinstance(layer, Sequential)]
    innermost_first = sorted(counted, key=len, reverse=True)

    def theirs(path: str) -> str:
        for prefix in innermost_first:
            if path.startswith(prefix):
                path = prefix.removesuffix("layers.") + path.removeprefix(prefix)
        return path

    return theirs


# --- the kinds of layers ----------------------------------------------------------------------------------------------


def _renamed(transposed: str = "", **names: str) -> Layout:
    """Each of ours is one of theirs, ours=theirs; the one of ours that is named is the transpose."""
    back = {theirs: ours for ours, theirs in names.items()}
    return Layout(
        tuple(names),
        tuple(back),
        lambda state: {back[name]: a.T if back[name] == transposed else a for name, a in state.items()},
        lambda state: {names[name]: a.T if name == transposed else a for name, a in state.items()},
    )


_RECURRENT = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def _recurrent_to_ours(state: State) -> State:
    ours = {name: state[theirs].T for name, theirs in zip(("W_x", "W_h"), _RECURRENT, strict=False) if theirs in state}
    of_x, of_h = [state.get(name) for name in _RECURRENT[2:]]
    return ours if of_x is None or of_h is None else {**ours, "b": of_x + of_h}


def _recurrent_to_theirs(state: State) -> State:
    theirs = {"weight_ih_l0": state["W_x"].T, "weight_hh_l0": state["W_h"].T}
    return theirs | {"bias_ih_l0": state["b"], "bias_hh_l0": np.zeros_like(state["b"])} if "b" in state else theirs


def _gru_to_ours(state: State) -> State:
    ours = _recurrent_to_ours(state)
    if "b" in ours:
        of_x, of_h = state["bias_ih_l0"], state["bias_hh_l0"]
        gates = 2 * len(of_h) // 3
        ours |= {"b": np.concatenate([of_x[:gates] + of_h[:gates], of_x[gates:]]), "b_u": of_h[gates:]}
    return ours


def _gru_to_theirs(state: State) -> State:
    theirs = _recurrent_to_theirs(state)
    if "b_u" in state:
        theirs["bias_hh_l0"][-len(state["b_u"]) :] = state["b_u"]
    return theirs


_HEADS = ("query", "key", "value")


def _attention_to_ours(state: State) -> State:
    ours: State = {}
    for name, theirs in (("W", "in_proj_weight"), ("b", "in_proj_bias")):
        if theirs in state:
            ours |= {f"{part}.{name}": a.T for part, a in zip(_HEADS, np.split(state[theirs], 3), strict=True)}
    output = {"output.W": "out_proj.weight", "output.b": "out_proj.bias"}
    return ours | {name: state[theirs].T for name, theirs in output.items() if theirs in state}


def _attention_to_theirs(state: State) -> State:
    theirs = {
        "in_proj_weight": np.concatenate([state[f"{part}.W"].T for part in _HEADS]),
        "out_proj.weight": state["output.W"].T,
    }
    if "output.b" in state:
        biases = np.concatenate([state[f"{part}.b"] for part in _HEADS])
        theirs |= {"in_proj_bias": biases, "out_proj.bias": state["output.b"]}
    return theirs


LAYOUTS: Mapping[type[Layer], Layout] = MappingProxyType(
    {
        Linear: _renamed("W", W="weight", b="bias"),
        Conv1d: _renamed(W="weight", b="bias"),
        Conv2d: _renamed(W="weight", b="bias"),
        Embedding: _renamed(W="weight"),
        ParametricReLU: _renamed(a="weight"),
        BatchNorm: _renamed(weight="weight", bias="bias", running_mean="running_mean", running_variance="running_var"),
        LayerNorm: _renamed(weight="weight", bias="bias"),
        RNN: Layout(("W_x", "W_h", "b"), _RECURRENT, _recurrent_to_ours, _recurrent_to_theirs),
        LSTM: Layout(("W_x", "W_h", "b"), _RECURRENT, _recurrent_to_ours, _recurrent_to_theirs),
        GRU: Layout(("W_x", "W_h", "b", "b_u"), _RECURRENT, _gru_to_ours, _gru_to_theirs),
        MultiHeadAttention: Layout(
            tuple([f"{part}.{name}" for part in (*_HEADS, "output") for name in "Wb"]),
            ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"),
            _attention_to_ours,
            _attention_to_theirs,
        ),
    }
)
