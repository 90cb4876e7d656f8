"""Functions in LLVM's language as machine code for this processor, by the compiler that comes with Numba."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

NAME = "kernel"
"""What a function has to be called."""


class NoCompiler(Exception):
    """There is none, or one that this language is new to."""


def is_installed() -> bool:
    """Whether there may be a compiler, without loading it."""
    return find_spec("llvmlite") is not None


@lru_cache(256)
def machine_code(text: str, arguments: tuple[Any, ...]) -> Any:
    """A function that is given two integers, and arguments of these types; other threads run while it does.

    Raises NoCompiler.
    """
    try:
        import llvmlite.binding as llvm

        tuning, building = llvm.create_pipeline_tuning_options, llvm.create_pass_builder
        module = llvm.parse_assembly(text)
    except (ImportError, AttributeError, RuntimeError) as error:
        raise NoCompiler from error
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    processor, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    machine = llvm.Target.from_default_triple().create_target_machine(processor, features, opt=3, jit=True)
    options = tuning(speed_level=3)
    options.loop_vectorization = True
    passes = building(machine, options)
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, *arguments)
    function = kind(engine.get_function_address(NAME))
    function.engine = engine  # type: ignore[attr-defined]  # owns the code
    return function
