"""The same programs on every engine that runs them: which give NumPy's numbers, op by op."""
