"""Gaps in sine waves filled by two LSTMs: root mean square error 0.17 inside of them, by straight lines 0.73.

Every wave has a period and a phase of its own, and three times its values are missing for three to eight steps. At each
step the network is given two numbers, the value or 0, and 1 or 0 for whether there is one: without the second it could
not tell a missing value from a wave that crosses zero. One LSTM reads forwards, one backwards, so that both ends of a
gap are known in it, and a linear layer makes the value out of both states.

Beside it stand what needs no training: the line from the last value before the gap to the first after it, and the last
value, held. Both know nothing of waves.

    python -m examples.sine_with_gaps
"""

import numpy as np

import tinygrad_bp as tg

STEPS = 40
EPOCHS, BATCH = 20, 32


def waves(m, rng):
    """m sine waves (m, steps), and which of their values are seen."""
    period, phase = rng.uniform(8, 20, size=(m, 1)), rng.uniform(0, 2 * np.pi, size=(m, 1))
    seen = np.ones((m, STEPS), bool)
    for row in seen:
        for start in rng.choice(np.arange(2, STEPS - 8), size=3, replace=False):
            row[start : start + rng.integers(3, 9)] = False
    return np.sin(2 * np.pi * np.arange(STEPS) / period + phase).astype(np.float32), seen


class Filler(tg.nn.Layer):
    """(examples, steps, 2), values and whether they are there, to all values, (examples, steps)."""

    def __init__(self, n, rng):
        settings = {"seed": rng, "dtype": np.float32}
        self.forwards = tg.nn.LSTM(2, n, **settings)
        self.backwards = tg.nn.LSTM(2, n, **settings)
        self.output = tg.nn.Linear(2 * n, 1, **settings)

    def forward(self, x):
        past, _ = self.forwards(x)
        future, _ = self.backwards(x[:, ::-1])
        return self.output(tg.concatenate([past, future[:, ::-1]], axis=2))[:, :, 0]


def inputs(values, seen):
    return np.stack([values * seen, seen], axis=2).astype(np.float32)


def trained(values, seen, rng):
    model = Filler(24, rng)
    steps = EPOCHS * -(-len(values) // BATCH)
    optimizer = tg.nn.Adam(model.parameters(), lr=tg.nn.CosineDecay(0.01, steps))
    tg.nn.fit(model, inputs(values, seen), values, tg.mse, optimizer, EPOCHS, BATCH, seed=rng)
    return model


def by_lines(values, seen):
    t = np.arange(STEPS)
    return np.array([np.interp(t, t[there], row[there]) for row, there in zip(values, seen, strict=True)])


def held(values, seen):
    latest = np.maximum.accumulate(np.where(seen, np.arange(STEPS), 0), axis=1)
    return np.take_along_axis(values, latest, axis=1)


def main():
    rng = np.random.default_rng(0)
    model = trained(*waves(800, rng), rng)
    values, seen = waves(500, rng)
    filled = {
        "two LSTMs": model(inputs(values, seen)).data,
        "lines": by_lines(values, seen),
        "held": held(values, seen),
    }
    error = {name: np.sqrt(np.mean((found - values)[~seen] ** 2)) for name, found in filled.items()}
    print(f"{np.mean(~seen):.0%} of the values are missing. One wave, · where they are:")
    print(
        f"{'seen':10}", *[f"{v:5.2f}" if there else "    ·" for v, there in zip(values[0, :18], seen[0], strict=False)]
    )
    for name, found in {"true": values, **filled}.items():
        print(
            f"{name:10}", *[f"{v:5.2f}" for v in found[0, :18]], f"  error {error[name]:.3f}" if name in error else ""
        )
    return error["two LSTMs"], error["lines"]


if __name__ == "__main__":
    main()
