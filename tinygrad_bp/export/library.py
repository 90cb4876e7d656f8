"""The one place where the packages of the extra `onnx` are imported."""

from __future__ import annotations

from typing import Any

from tinygrad_bp.errors import missing_extra


def library() -> Any:
    """The package onnx. Raises MissingExtraError without it."""
    try:
        import onnx
    except ImportError as error:
        raise missing_extra("onnx", "onnx") from error
    return onnx
