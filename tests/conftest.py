"""Hypothesis profiles: `ci` is the default, `night` looks ten times as long (pytest --hypothesis-profile=night)."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci", max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("night", settings.get_profile("ci"), max_examples=2000, derandomize=False)
settings.load_profile("ci")
