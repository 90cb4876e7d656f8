"""Long forms of tests, run by hand: `python -m tests.stress.checkpoints` prints what it found."""
