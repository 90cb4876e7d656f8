"""A character model with attention writes the chain rule: 0.27 bits a character on unseen lines, trigrams need 1.0.

The text has a line for every three functions, one applied to another, and the derivative of that:

    sin ln cub x′ = cos ln cub x·inv cub x·3 sq x

sq and cub are the square and the cube, inv is 1/x, sh and ch are the hyperbolic sine and cosine. A sixth of the lines
is held out. What comes next is settled far back: which function it was, and what it is applied to. Attention can look
there, counts of the last few characters cannot. Two blocks of attention and a small network predict, at every place,
the next character from those up to there (`causal`). Rows are filled up with line ends.

Bits a character are the mean of −log₂ p of the character that came. Nobody can foresee the three functions, 9.5 bits of
a line, a quarter of a bit a character. Given those, the model completes most of the unseen lines without a mistake.

    python -m examples.characters
"""

from collections import Counter
from itertools import product

import numpy as np

import tinygrad_bp as tg

RULES = {
    "sin": "cos {}", "cos": "−sin {}", "exp": "exp {}", "ln": "inv {}", "inv": "−inv sq {}",
    "sq": "2 {}", "cub": "3 sq {}", "sh": "ch {}", "ch": "sh {}",
}  # fmt: skip
"""The derivative of each function at a place."""
EPOCHS, BATCH, WIDTH, HEADS = 12, 16, 32, 8


def line(f, g, h):
    inner, outer = f"{h} x", f"{g} {h} x"
    return f"{f} {outer}′ = {RULES[f].format(outer)}·{RULES[g].format(inner)}·{RULES[h].format('x')}"


class Block(tg.nn.Layer):
    """Attention to earlier places, then a network for each place; both are added to what they read."""

    def __init__(self, **settings):
        self.before = tg.nn.LayerNorm(WIDTH, dtype=np.float32)
        self.attention = tg.nn.MultiHeadAttention(WIDTH, HEADS, **settings)
        self.network = tg.nn.Residual(
            tg.nn.LayerNorm(WIDTH, dtype=np.float32),
            tg.nn.Linear(WIDTH, 4 * WIDTH, **settings),
            tg.nn.ReLU(),
            tg.nn.Linear(4 * WIDTH, WIDTH, **settings),
        )

    def forward(self, h):
        return self.network(h + self.attention(self.before(h), causal=True))


class Model(tg.nn.Layer):
    """Codes of characters (examples, length) to scores of the next ones, (examples, length, characters)."""

    def __init__(self, characters, length, rng):
        settings = {"seed": rng, "dtype": np.float32}
        self.character = tg.nn.Embedding(characters, WIDTH, **settings)
        self.place = tg.nn.Embedding(length, WIDTH, **settings)
        self.blocks = tg.nn.Sequential(Block(**settings), Block(**settings), tg.nn.LayerNorm(WIDTH, dtype=np.float32))
        self.output = tg.nn.Linear(WIDTH, characters, **settings)

    def forward(self, codes):
        h = self.character(codes) + self.place(np.arange(codes.shape[1]))
        return self.output(self.blocks(h))


def trained(rows, characters, rng):
    model = Model(characters, rows.shape[1] - 1, rng)
    steps = EPOCHS * -(-len(rows) // BATCH)
    optimizer = tg.nn.Adam(model.parameters(), lr=tg.nn.OneCycle(0.015, steps))
    tg.nn.fit(model, rows[:, :-1], rows[:, 1:], tg.softmax_cross_entropy, optimizer, EPOCHS, BATCH, seed=rng)
    return model


def trigram_bits(seen, unseen, characters):
    """Bits a character by counts of three characters, and where they are rare by those of two and one."""
    text = "\n".join(["", *seen, ""])
    counts = Counter(text[i : i + n] for n in range(4) for i in range(len(text) - n + 1))
    bits = []
    for one in unseen:
        for i in range(1, len(one) + 2):
            up_to, p = f"\n{one}\n"[: i + 1], 1 / characters
            for n in range(1, min(i + 1, 3) + 1):
                p = (counts[up_to[-n:]] + 0.3 * p) / (counts[up_to[-n:-1]] + 0.3)
            bits.append(-np.log2(p))
    return np.mean(bits)


def continued(model, rows, given, rng=None):
    """Rows of codes, of which so many are given, with the likeliest next one at each other place, or one drawn."""
    rows = rows.copy()
    for i in range(given.min(), rows.shape[1]):
        scores = model(rows[:, :i]).data[:, -1]
        noise = 0.0 if rng is None else rng.gumbel(size=scores.shape)  # the largest sum is a draw from the softmax
        rows[:, i] = np.where(i < given, rows[:, i], np.argmax(scores + noise, axis=1))
    return rows


def main():
    rng = np.random.default_rng(0)
    lines = rng.permutation([line(*functions) for functions in product(RULES, repeat=3)]).tolist()
    alphabet, length = sorted(set("\n".join(lines))), max(map(len, lines)) + 2
    rows = np.array([[alphabet.index(c) for c in f"\n{one}".ljust(length, "\n")] for one in lines])
    m = len(lines) * 5 // 6
    model = trained(rows[:m], len(alphabet), rng)

    unseen, targets = rows[m:], rows[m:, 1:]
    bits = tg.softmax_cross_entropy(model(unseen[:, :-1]), targets, reduction="none").data / np.log(2)
    is_line = np.arange(length - 1) <= np.array([[len(one)] for one in lines[m:]])
    by_model, by_counts = bits[is_line].mean(), trigram_bits(lines[:m], lines[m:], len(alphabet))
    print(f"bits a character on {len(unseen)} unseen lines: attention {by_model:.3f}, trigrams {by_counts:.3f}")

    given = np.array([one.index("=") + 2 for one in lines[m:]])
    right = np.all(continued(model, unseen[:, :-1], given) == unseen[:, :-1], axis=1)
    print(f"completed after = without a mistake: {right.mean():.2f}. Lines of its own:")
    for row in continued(model, np.zeros((4, length - 1), int), np.ones(4, int), rng):
        print("   ", "".join(alphabet[code] for code in row).strip())
    return by_model, by_counts


if __name__ == "__main__":
    main()
