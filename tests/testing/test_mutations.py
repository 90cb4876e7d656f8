"""Mutation testing of the rules: every VJP of the registry is made wrong in turn, and the checker must notice.

CI takes a sample of the ops; the night profile (--hypothesis-profile=night) takes them all, the quick one a few.
"""

from zlib import crc32

import numpy as np
import pytest
from hypothesis import settings

from tinygrad_bp.registry import OPS, Each
from tinygrad_bp.testing import GradientError

REQUIRED = 0.99
CASES = 40
ONE_IN = max(1, 1600 // settings.default.max_examples)
"""CI mutates one op in eight."""

LIBRARY = sorted(name for name, op in OPS.items() if op.forward.__module__.startswith("tinygrad_bp."))
CHOSEN = [name for name in LIBRARY if crc32(name.encode()) % ONE_IN == 0]


def transposed(share):
    return share.transpose() if share.shape == share.shape[::-1] else share


MUTATIONS = {
    "× 1.01": lambda share: share * 1.01,
    "× (1 + 3e-4)": lambda share: share * (1 + 3e-4),
    "sign": lambda share: -share,
    "dropped": lambda share: share * 0.0,
    "transposed": transposed,
    "reversed": lambda share: share[::-1] if share.ndim else share,
    "shifted": lambda share: share + 1e-3,
}


class Mutant:
    """A rule with its result changed, which remembers whether the change ever made a difference."""

    def __init__(self, rule, change):
        self.rule, self.change, self.differs = rule, change, False

    def __call__(self, *args, **params):
        share = self.rule(*args, **params)
        changed = self.change(share)
        if isinstance(share, np.ndarray | np.generic):
            self.differs |= not np.array_equal(share, changed, equal_nan=True)
        return changed


def mutated(rules, i, change):
    """The rules with that of input i changed, and the mutant."""
    mutant = Mutant(rules[i], change)
    if isinstance(rules, Each):
        return Each(lambda k, *args, **params: (mutant if k == i else rules[k])(*args, **params)), mutant
    return tuple([mutant if k == i else rule for k, rule in enumerate(rules)]), mutant


def survives(record, i, change, sides, cases, replaced):
    """Whether no case finds the mutant; None if it never differs from the rule."""
    changed = {side: mutated(getattr(record, side), i, change) for side in sides}
    with replaced(record, **{side: rules for side, (rules, _) in changed.items()}):
        try:
            for case in cases:
                case.check()
        except GradientError:
            return False
    return True if any(mutant.differs for _, mutant in changed.values()) else None


def inputs_of(record):
    rules = record.vjps
    return [0, 1] if isinstance(rules, Each) else [i for i, rule in enumerate(rules) if rule is not None]


@pytest.mark.once
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_mutants_are_found(drawn, replaced, capsys):
    fates = {False: [], True: [], None: []}
    for name in CHOSEN:
        record, cases = OPS[name], drawn(name, 0, CASES)
        for i in inputs_of(record):
            for mutation, change in MUTATIONS.items():
                for sides in (("vjps",), ("vjps", "jvps")):
                    fate = survives(record, i, change, sides, cases, replaced)
                    fates[fate].append(f"{name}, input {i}, {mutation}, {' and '.join(sides)}")
    found, survivors = len(fates[False]), fates[True]
    with capsys.disabled():
        print(f"\n{found} of {found + len(survivors)} mutants of {len(CHOSEN)} ops found", *survivors, sep="\n  ")
    assert found >= REQUIRED * (found + len(survivors)), survivors
