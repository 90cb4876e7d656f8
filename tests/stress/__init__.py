"""Long forms of tests, run by hand: `python -m tests.stress` runs all, `--list` says what there is."""
