"""Whole training steps timed side by side; see README.md."""
