"""Networks: layers, training, and the article's class. Compositions of ops; no derivative is written here.

Examples are rows: the first axis of what layers take and return. They are columns only in `NeuralNetwork`, as in the
article, unless it is built with rows=True.
"""

from typing import TYPE_CHECKING, Any

from tinygrad_bp import errors
from tinygrad_bp.nn.activation_sheet import ActivationSheet as ActivationSheet, activation_sheet as activation_sheet
from tinygrad_bp.nn.activations import (
    ACTIVATIONS as ACTIVATIONS,
    ELU as ELU,
    GELU as GELU,
    Arctan as Arctan,
    BinaryStep as BinaryStep,
    Identity as Identity,
    LeakyReLU as LeakyReLU,
    ParametricReLU as ParametricReLU,
    ReLU as ReLU,
    Sigmoid as Sigmoid,
    SiLU as SiLU,
    Softmax as Softmax,
    Softplus as Softplus,
    Tanh as Tanh,
)
from tinygrad_bp.nn.adaptive import Adagrad as Adagrad, Adam as Adam, AdamW as AdamW, RMSprop as RMSprop
from tinygrad_bp.nn.attention import (
    MultiHeadAttention as MultiHeadAttention,
    scaled_dot_product_attention as scaled_dot_product_attention,
)
from tinygrad_bp.nn.checkpoints import Checkpoint as Checkpoint, load as load, save as save
from tinygrad_bp.nn.clipping import clip_grad_norm as clip_grad_norm, clip_grad_value as clip_grad_value
from tinygrad_bp.nn.containers import Flatten as Flatten, Residual as Residual, Sequential as Sequential
from tinygrad_bp.nn.convolutional import Conv1d as Conv1d, Conv2d as Conv2d
from tinygrad_bp.nn.dropout import Dropout as Dropout
from tinygrad_bp.nn.embedding import Embedding as Embedding
from tinygrad_bp.nn.fitting import fit as fit
from tinygrad_bp.nn.history import History as History
from tinygrad_bp.nn.init import glorot_normal as glorot_normal
from tinygrad_bp.nn.layers import Layer as Layer
from tinygrad_bp.nn.lbfgs import LBFGS as LBFGS
from tinygrad_bp.nn.linear import Linear as Linear
from tinygrad_bp.nn.metrics import accuracy as accuracy
from tinygrad_bp.nn.network import NeuralNetwork as NeuralNetwork, Pass as Pass
from tinygrad_bp.nn.normalisation import BatchNorm as BatchNorm, LayerNorm as LayerNorm
from tinygrad_bp.nn.optim import SGD as SGD
from tinygrad_bp.nn.pooling import (
    AvgPool1d as AvgPool1d,
    AvgPool2d as AvgPool2d,
    MaxPool1d as MaxPool1d,
    MaxPool2d as MaxPool2d,
)
from tinygrad_bp.nn.recording import Frame as Frame, Recording as Recording
from tinygrad_bp.nn.records import Epoch as Epoch, Step as Step
from tinygrad_bp.nn.recurrent import GRU as GRU, LSTM as LSTM, RNN as RNN
from tinygrad_bp.nn.schedules import (
    CosineDecay as CosineDecay,
    OneCycle as OneCycle,
    StepDecay as StepDecay,
    WarmUp as WarmUp,
)
from tinygrad_bp.nn.stopping import EarlyStopping as EarlyStopping
from tinygrad_bp.nn.summary import Summary as Summary
from tinygrad_bp.nn.torch_layout import from_torch as from_torch, to_torch as to_torch
from tinygrad_bp.nn.training import Training as Training, split as split, standardise as standardise, train as train

if TYPE_CHECKING:
    from tinygrad_bp.nn.estimators import (
        NetworkClassifier as NetworkClassifier,
        NetworkRegressor as NetworkRegressor,
    )

_ELSEWHERE = {
    "Module": "tg.nn.Layer", "Model": "tg.nn.Layer", "Parameter": "tg.tensor(data, requires_grad=True)",
    "Dense": "tg.nn.Linear", "PReLU": "tg.nn.ParametricReLU", "MSELoss": "tg.mse",
    "BCELoss": "tg.binary_cross_entropy", "BCEWithLogitsLoss": "tg.binary_cross_entropy_with_logits",
    "CrossEntropyLoss": "tg.softmax_cross_entropy",
}  # fmt: skip
"""What is here for well-known names of PyTorch's and Keras's."""


def __getattr__(name: str) -> Any:
    """The estimators, imported when they are asked for: they need scikit-learn."""
    if name not in ("NetworkClassifier", "NetworkRegressor"):
        raise errors.unknown_name(__name__, name, globals(), _ELSEWHERE)
    from tinygrad_bp.nn import estimators

    return getattr(estimators, name)
