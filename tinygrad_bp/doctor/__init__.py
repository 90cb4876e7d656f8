"""What this installation runs on, and what to change: versions, extras, Graphviz, BLAS, its kernels and threads."""
