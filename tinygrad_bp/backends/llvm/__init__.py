"""Kernels for fusion groups, in LLVM's language, as machine code for this processor."""
