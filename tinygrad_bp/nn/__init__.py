"""Networks: layers, training, and the article's class. Compositions of ops; no derivative is written here."""

from tinygrad_bp.nn.activations import (
    ACTIVATIONS as ACTIVATIONS,
    ELU as ELU,
    Arctan as Arctan,
    BinaryStep as BinaryStep,
    Identity as Identity,
    LeakyReLU as LeakyReLU,
    ParametricReLU as ParametricReLU,
    ReLU as ReLU,
    Sigmoid as Sigmoid,
    Softmax as Softmax,
    Softplus as Softplus,
    Tanh as Tanh,
)
from tinygrad_bp.nn.adaptive import Adagrad as Adagrad, Adam as Adam, AdamW as AdamW, RMSprop as RMSprop
from tinygrad_bp.nn.clipping import clip_grad_norm as clip_grad_norm, clip_grad_value as clip_grad_value
from tinygrad_bp.nn.fitting import Epoch as Epoch, fit as fit
from tinygrad_bp.nn.init import glorot_normal as glorot_normal
from tinygrad_bp.nn.layers import Layer as Layer, Linear as Linear, Sequential as Sequential
from tinygrad_bp.nn.metrics import accuracy as accuracy
from tinygrad_bp.nn.network import NeuralNetwork as NeuralNetwork, Pass as Pass
from tinygrad_bp.nn.optim import SGD as SGD
from tinygrad_bp.nn.schedules import (
    CosineDecay as CosineDecay,
    OneCycle as OneCycle,
    StepDecay as StepDecay,
    WarmUp as WarmUp,
)
from tinygrad_bp.nn.training import Training as Training, split as split, standardise as standardise, train as train
