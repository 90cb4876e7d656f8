"""The engines: functions from a program, its inputs and NumPy's results to the engine's own results."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from tinygrad_bp.backends import BACKENDS, Unsupported
from tinygrad_bp.errors import ExportError, TracingError
from tinygrad_bp.export.model import written
from tinygrad_bp.program import Program
from tinygrad_bp.source import module

Engine = Callable[[Program, Sequence[Any], Sequence[Any]], Sequence[Any]]


def _text(program: Program, inputs: Sequence[Any], values: Sequence[Any]) -> Sequence[Any]:
    """The source that people read, alone in a namespace."""
    space: dict[str, Any] = {}
    written = module(program)
    exec(written.text, space)
    results = space[written.name](*inputs, *written.constants)
    return [results] if len(values) == 1 else list(results)


def _conforming(name: str) -> Engine:
    """The source for the Array API standard, run on a module of that name; results become NumPy's again."""

    def run(program: Program, inputs: Sequence[Any], values: Sequence[Any]) -> Sequence[Any]:
        xp, space = import_module(name), {}
        try:
            written = module(program, name)
        except TracingError as error:
            raise Unsupported(str(error).split(",")[0]) from error
        exec(written.text, space)
        arrays = [np.ascontiguousarray(x).reshape(np.shape(x)) for x in (*inputs, *written.constants)]
        try:
            results = space[written.name](*map(xp.asarray, arrays))
        except NotImplementedError as error:
            raise Unsupported(str(error)) from error
        found = [results] if len(values) == 1 else list(results)
        return [np.from_dlpack(y)[()] if hasattr(y, "__dlpack__") else y for y in found]

    return run


def _backend(name: str) -> Engine:
    def run(program: Program, inputs: Sequence[Any], values: Sequence[Any]) -> Sequence[Any]:
        results = BACKENDS[name].prepare(program, inputs, values).run(*inputs)
        return [results] if len(values) == 1 else list(results)

    return run


def _onnx(program: Program, inputs: Sequence[Any], values: Sequence[Any]) -> Sequence[Any]:
    """An ONNX model of the program, checked, in ONNX Runtime on one core."""
    try:
        model = written(program, [f"y{i}" for i in range(len(values))])
    except ExportError as error:
        raise Unsupported(str(error).removeprefix("onnx: ").partition(". ")[0]) from error
    return session(model).run(None, fed(model, inputs))


def session(model: Any) -> Any:
    """ONNX Runtime with a model that the checker of ONNX has passed."""
    import onnx
    import onnxruntime

    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def fed(model: Any, inputs: Sequence[Any]) -> dict[str, Any]:
    """Arrays by the names of a model's inputs."""
    return {given.name: np.asarray(x) for given, x in zip(model.graph.input, inputs, strict=True)}


ENGINES: Mapping[str, tuple[Sequence[str], Engine]] = {
    "NumPy": (("numpy",), _text),
    "Numba": (("numba",), _backend("numba")),
    "Array API": (("array-api-strict",), _conforming("array_api_strict")),
    "PyTorch": (("torch", "array-api-compat"), _conforming("array_api_compat.torch")),
    "JAX": (("jax", "jaxlib"), _backend("jax")),
    "ONNX": (("onnx", "onnxruntime"), _onnx),
}
"""By the head of the column: the packages whose versions matter, and the engine."""
