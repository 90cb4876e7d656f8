def rosenbrock(x, y):
    """Written by tinygrad_bp for numbers."""
    t1 = 1 - x
    t2 = y - x ** 2
    C = t1 ** 2 + 100 * t2 ** 2
    # backward: dv is the derivative with respect to v
    dy = 200 * t2
    dx = -400 * t2 * x - 2 * t1
    return C, dx, dy
