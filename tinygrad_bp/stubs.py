"""`python -m tinygrad_bp.stubs`: write what type checkers see of the functions and methods, from their signatures.

A parameter that is annotated with `Any` is an operand. Of each of its signatures a function has several overloads: it
gives tensors as soon as there is a tensor among the operands, and arrays for arrays and numbers. `Any` in what it
returns is such a tensor or array. A method follows NumPy's order of arguments as far as that is the function's; what
comes after is given by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from inspect import Parameter, isfunction, signature
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_overloads

from tinygrad_bp.annotations import Array
from tinygrad_bp.arguments import completed
from tinygrad_bp.files import write_whole
from tinygrad_bp.methods import ArrayMethods
from tinygrad_bp.protocols import functions
from tinygrad_bp.tensor import Tensor

PAGES = ("functions", "linalg", "fft", "signal", "special")
"""The modules of which each function has a stub."""

_PLACES = {"builtins": "", "collections.abc": "", "numpy": "np.", "numpy.random._generator": "np.random."}
"""What stands before the name of a class, by its module."""

_STARS: dict[Any, str] = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}

_HEADER = """\
# Written by `python -m tinygrad_bp.stubs`.
# mypy: disable-error-code="{}"
"""

_IMPORTS = {
    "collections.abc": ("Callable", "Mapping", "Sequence"),
    "typing": ("Any", "Literal", "overload"),
    "numpy": ("np",),
    "tinygrad_bp.annotations": ("Array", "Constant", "Operand"),
    "tinygrad_bp.engine": ("Node",),
    "tinygrad_bp.tensor": ("Tensor",),
}


def stubs() -> dict[str, str]:
    """The text of every stub, by the name of its module in the package."""
    texts = {page: _page(import_module(f"tinygrad_bp.{page}")) for page in PAGES}
    return {**texts, "methods": _class(ArrayMethods)}


def _page(module: ModuleType) -> str:
    lines: list[str] = []
    others: list[str] = []
    for name, value in vars(module).items():
        if isfunction(value) and not name.startswith("_"):
            lines += _function(name, value)
        elif isinstance(value, type):
            others.append(f"from {value.__module__} import {name} as {name}")
    return _with_imports(lines, "overload-overlap", others)  # the first that fits counts


def _with_imports(lines: Iterable[str], waived: str, others: Iterable[str] = ()) -> str:
    """A stub with the imports that its lines need; `waived` is what mypy holds against them."""
    body = "\n".join(lines)
    imports = []
    for module, names in _IMPORTS.items():
        used = [name for name in names if re.search(rf"\b{name}\b", body)]
        if used:
            imports.append("import numpy as np" if used == ["np"] else f"from {module} import {', '.join(used)}")
    return "\n".join([_HEADER.format(waived), *imports, *others, "", body, ""])


# --- functions --------------------------------------------------------------------------------------------------------


def _function(name: str, function: Any) -> Iterator[str]:
    for source in get_overloads(function) or [function]:
        signed = signature(source, eval_str=True)
        for parameters, operand, result in _cases(list(signed.parameters.values())):
            yield "@overload"
            yield f"def {name}({_parameters(parameters, operand)}) -> {_text(signed.return_annotation, result)}: ..."


def _cases(parameters: list[Parameter]) -> Iterator[tuple[list[Parameter], str, str]]:
    """What the parameters may be together: themselves, what their operands are, and what comes of it."""
    operands = [p for p in parameters if _holds_any(p.annotation)]
    single = [p for p in operands if p.annotation is Any and p.kind not in _STARS]
    for p in single:
        yield _with_tensor(parameters, p), "Operand", "Tensor"
    yield parameters, "Constant", "Array"
    if len(single) < len(operands):
        yield parameters, "Operand", "Tensor"


def _with_tensor(parameters: list[Parameter], operand: Parameter) -> list[Parameter]:
    """The operand as a tensor. If others that may be left out stand before it, they and it are given by name."""
    required = operand.replace(annotation=Tensor, default=Parameter.empty)
    place = parameters.index(operand)
    optional = [p for p in parameters[:place] if p.default is not Parameter.empty]
    if not optional:
        return [*parameters[:place], required, *parameters[place + 1 :]]
    start = parameters.index(optional[0])
    rest = [*parameters[start:place], required, *parameters[place + 1 :]]
    return [*parameters[:start], *[p.replace(kind=Parameter.KEYWORD_ONLY) for p in rest]]


def _holds_any(annotation: Any) -> bool:
    return annotation is Any or (annotation != Array and any(map(_holds_any, get_args(annotation))))


def _parameters(parameters: Iterable[Parameter], operand: str) -> str:
    """The parameters as they stand between the parentheses of a definition."""
    parts: list[str] = []
    before = None
    for p in parameters:
        if before is Parameter.POSITIONAL_ONLY is not p.kind:
            parts.append("/")
        if p.kind is Parameter.KEYWORD_ONLY and before not in (Parameter.KEYWORD_ONLY, Parameter.VAR_POSITIONAL):
            parts.append("*")
        parts.append(f"{_STARS.get(p.kind, '')}{p.name}: {_annotation(p, operand)}{_default(p)}")
        before = p.kind
    return ", ".join([*parts, "/"] if before is Parameter.POSITIONAL_ONLY else parts)


def _annotation(p: Parameter, operand: str) -> str:
    text = _text(p.annotation, operand)
    return f"{text} | None" if p.annotation is Any and p.default is None else text


def _default(p: Parameter) -> str:
    if p.default is p.empty:
        return ""
    plain = isinstance(p.default, bool | int | float | str | tuple | None)
    return f" = {p.default!r}" if plain else " = ..."


def _text(annotation: Any, any_: str) -> str:
    """An annotation as it is written, with another name for `Any`."""
    if annotation is Any:
        return any_
    if annotation == Array:
        return "Array"
    if annotation in (None, NoneType, Ellipsis):
        return "..." if annotation is Ellipsis else "None"
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " | ".join([_text(a, any_) for a in args])
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, args))}]"
    if origin is not None:
        return f"{_text(origin, any_)}[{', '.join([_text(a, any_) for a in args])}]"
    return _PLACES.get(annotation.__module__, "") + str(annotation.__qualname__)


# --- methods ----------------------------------------------------------------------------------------------------------


def _class(cls: type) -> str:
    lines = [f"class {cls.__name__}(Node):"]
    for name, value in vars(cls).items():
        if isinstance(value, property):
            lines += ["    @property", f"    def {name}(self) -> Tensor: ..."]
        elif isfunction(value):
            lines.append(f"    {_method(name, value)}")
        elif name == "__hash__":
            lines.append("    def __hash__(self) -> int: ...")
    return _with_imports(lines, "override")  # == gives a tensor


def _method(name: str, function: Any) -> str:
    numpys = getattr(function, "numpys", None)
    if numpys is not None:
        function = completed(numpys.__name__, functions()[numpys.__name__])
    signed = signature(function, eval_str=True)
    _, *parameters = signed.parameters.values()
    if numpys is not None:
        parameters = list(_in_order_of(signature(numpys).parameters, parameters))
    if name.startswith("__"):
        parameters = [p.replace(kind=Parameter.POSITIONAL_ONLY) for p in parameters]
    text = _parameters(parameters, "Operand")
    return f"def {name}({', '.join(filter(None, ['self', text]))}) -> {_text(signed.return_annotation, 'Tensor')}: ..."


def _in_order_of(numpys: Mapping[str, Parameter], ours: Iterable[Parameter]) -> Iterator[Parameter]:
    """Our parameters: by place as far as NumPy's function has them there too, by name from then on."""
    agreed = True
    for theirs, p in zip([*numpys][1:] + [""] * 9, ours, strict=False):
        agreed = agreed and theirs == p.name
        yield p if agreed else p.replace(kind=Parameter.KEYWORD_ONLY)


def main() -> None:
    """Write the stubs beside their modules."""
    for name, text in stubs().items():
        page = Path(__file__).with_name(f"{name}.pyi")
        print(write_whole(page, text.encode()))


if __name__ == "__main__":
    main()
