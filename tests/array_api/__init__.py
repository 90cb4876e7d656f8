"""The Array API standard: its own test suite, gradients through its functions, libraries that use them."""
