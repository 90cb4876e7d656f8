"""Programs for elsewhere: a function and its gradients as an ONNX model."""

from tinygrad_bp.export.model import onnx as onnx
