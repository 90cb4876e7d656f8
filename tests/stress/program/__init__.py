"""What `python -m tests.stress.programs` draws programs from, and the ways it takes them."""
