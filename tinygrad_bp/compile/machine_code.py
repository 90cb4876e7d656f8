"""Functions in LLVM's language as machine code for this processor, by the compiler that comes with Numba."""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from typing import Any

NAME = "kernel"
"""What a function has to be called."""


def is_available() -> bool:
    """Whether there is a compiler (extra `jit`)."""
    return find_spec("llvmlite") is not None


def compiled(text: str, addresses: int) -> Any:
    """A function that is given two integers and so many addresses; other threads run while it does."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    processor, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    machine = llvm.Target.from_default_triple().create_target_machine(processor, features, opt=3, jit=True)
    module = llvm.parse_assembly(text)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, *[ctypes.c_void_p] * addresses)
    function = kind(engine.get_function_address(NAME))
    function.engine = engine  # type: ignore[attr-defined]  # owns the code
    return function
