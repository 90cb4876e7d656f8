"""Schedules are functions of the step, torch's where it has the same."""

import math

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.nn import SGD, CosineDecay, OneCycle, StepDecay, WarmUp


def test_the_formulas():
    for k in (0, 1, 6, 7, 20, 1000):
        assert StepDecay(0.5, 7)(k) == pytest.approx(0.5 * 0.1 ** math.floor(k / 7), rel=1e-14)
        wave = 0.1 + 0.4 * (1 + math.cos(math.pi * min(k, 20) / 20)) / 2
        assert CosineDecay(0.5, 20, end=0.1)(k) == pytest.approx(wave, rel=1e-14)
        assert WarmUp(0.5, 7)(k) == pytest.approx(0.5 * min(k + 1, 7) / 7, rel=1e-14)
        assert WarmUp(StepDecay(0.5, 7), 7)(k) == pytest.approx(
            0.5 * (k + 1) / 7 if k < 7 else StepDecay(0.5, 7)(k - 7), rel=1e-14
        )


def test_one_cycle_goes_up_and_down():
    rate = OneCycle(2.0, 201, pct_start=0.25, div_factor=10.0, final_div_factor=100.0)
    rates = [rate(k) for k in range(300)]
    top = int(np.argmax(rates))
    assert rates[0] == pytest.approx(0.2)
    assert rates[200:] == [pytest.approx(0.002)] * 100
    assert top in (49, 50)
    assert max(rates) == pytest.approx(2.0, rel=1e-3)
    assert np.all(np.diff(rates[: top + 1]) > 0)
    assert np.all(np.diff(rates[top:201]) < 0)
    assert OneCycle(2.0, 10, pct_start=0.0)(0) == pytest.approx(2.0, rel=0.05)


def test_torch_has_the_same_rates():
    torch = pytest.importorskip("torch")
    lr = torch.optim.lr_scheduler
    for ours, theirs, steps in [
        (StepDecay(0.5, 7, 0.3), lambda o: lr.StepLR(o, 7, 0.3), 50),
        (CosineDecay(0.5, 40, 0.01), lambda o: lr.CosineAnnealingLR(o, 40, 0.01), 41),
        (OneCycle(0.5, 40), lambda o: lr.OneCycleLR(o, 0.5, 40, cycle_momentum=False), 40),
        (OneCycle(0.5, 33, 0.4), lambda o: lr.OneCycleLR(o, 0.5, 33, pct_start=0.4, cycle_momentum=False), 33),
        (WarmUp(0.5, 8), lambda o: lr.LinearLR(o, 1 / 8, 1.0, 7), 20),
    ]:  # fmt: skip
        p = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.SGD([p], 0.5)
        scheduler = theirs(optimizer)
        for k in range(steps):
            assert ours(k) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-11, abs=1e-14)
            optimizer.step()
            scheduler.step()


def test_an_optimizer_follows_its_schedule():
    p = tg.tensor(0.0, requires_grad=True)
    optimizer = SGD([p], WarmUp(CosineDecay(1.0, 4), 2))
    expected = 0.0
    for k in range(8):
        p.grad = np.array(1.0)
        optimizer.step()
        expected -= optimizer.lr(k)
        assert p.item() == pytest.approx(expected)
    assert repr(optimizer).startswith("SGD(1 parameters; lr=WarmUp(lr=CosineDecay(lr=1.0, steps=4, end=0.0), steps=2)")


@pytest.mark.parametrize(
    "make",
    [
        lambda: StepDecay(0.0, 1),
        lambda: StepDecay(0.1, 0),
        lambda: StepDecay(0.1, 1, -1.0),
        lambda: CosineDecay(0.1, 0),
        lambda: CosineDecay(0.1, 1, -0.1),
        lambda: OneCycle(0.1, 1),
        lambda: OneCycle(0.1, 10, pct_start=1.0),
        lambda: OneCycle(0.1, 10, div_factor=0.0),
        lambda: WarmUp(0.1, 0),
        lambda: WarmUp(-0.1, 3),
    ],
)
def test_refuses_settings_out_of_range(make):
    with pytest.raises(ArgumentError, match=r"is a (finite|whole)? ?number"):
        make()
