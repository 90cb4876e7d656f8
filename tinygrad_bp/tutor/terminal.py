"""The tutor in a terminal: an exercise after the other, until it is right or its solution was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.nn.network import NeuralNetwork
from tinygrad_bp.tutor import Exercise, Tutor, tutor

HELP = """Write down each gradient. Names are those of the network; dz2 or ∂C/∂z2 is a gradient, m the number of
examples. * or ⊙ multiplies element by element, @ or · as matrices; W2.T or W2ᵀ is a transpose.
? for a hint, ! for the solution, Enter for the next exercise, q to stop."""


def run(
    layers: Sequence[int] = (3, 2, 1),
    activation: str = "sigmoid",
    examples: int = 4,
    seed: int = 0,
    ask: Callable[[str], str] = input,
    say: Callable[[str], None] = print,
) -> int:
    """Ask for the gradients of the article's network; returns how many answers were right.

    layers: its widths, inputs first. ask: what gives an answer to a prompt; EOFError ends it. say: what shows a line.
    """
    teacher = network_tutor(layers, activation, examples, seed)
    say(HELP)
    for node in teacher.graph.view("named").nodes:
        say(f"  {node.name} {node.shape}" + (f" = {node.formula}" if node.op else ""))
    right = 0
    for i, exercise in enumerate(teacher.exercises, 1):
        say(f"\n{i} of {len(teacher.exercises)}: {exercise}")
        done = _asked(teacher, exercise, ask, say)
        if done is None:
            break
        right += done
    say(f"\n{right} of {len(teacher.exercises)} right.")
    return right


def network_tutor(layers: Sequence[int], activation: str, examples: int, seed: int) -> Tutor:
    """Exercises on the article's network, with random inputs and targets.

    Raises ArgumentError without an example.
    """
    if examples < 1:
        raise ArgumentError(f"tutor: examples is a whole number from 1 on; got {examples}.")
    network = NeuralNetwork(layers, activation, seed)
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(network.architecture[0], examples))
    return tutor(network.cost_graph(X, rng.integers(0, 2, size=(network.architecture[-1], examples))))


def _asked(teacher: Tutor, exercise: Exercise, ask: Callable[[str], str], say: Callable[[str], None]) -> bool | None:
    """Whether one exercise was answered rightly in the end; None to stop."""
    while True:
        try:
            answer = ask(f"{exercise.question} = ").strip()
        except EOFError:
            return None
        if answer == "q":
            return None
        if answer == "?":
            say(teacher.hint(exercise.name))
        elif answer in ("", "!"):
            if answer:
                say(teacher.solution(exercise.name))
            return False
        else:
            verdict = teacher.check(exercise.name, answer)
            say(str(verdict))
            if verdict.right:
                return True
