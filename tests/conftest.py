"""How the property tests run."""

from hypothesis import HealthCheck, settings

# No verdict hangs on a clock: on its first run hypothesis builds a table of all characters, and a busy
# machine is no wrong answer. A failure prints what reproduces it.
settings.register_profile("draad", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("draad")
