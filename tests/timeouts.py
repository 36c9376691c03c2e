"""How long a test waits for what must come.

Only a test that fails waits so long: a busy machine must not decide what is a defect. The time limit of a whole test
(`timeout` in pyproject.toml) is longer, so that a test that waits in vain still says for what.
"""

from __future__ import annotations

LONGEST_WAIT_SECONDS = 120.0
