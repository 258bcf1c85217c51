"""A clock whose hands the test moves."""

import time

from keywright.core.clock import SECOND_US, Clock


class Hands:
    """The wall's hands and the ticks'; both start at `wall_s`, else now."""

    def __init__(self, wall_s: float | None = None) -> None:
        self.wall_s = float(int(time.time())) if wall_s is None else wall_s
        self.ticks_s = 50.0
        self.clock = Clock(unix_us=lambda: int(self.wall_s * SECOND_US), ticks_us=lambda: int(self.ticks_s * SECOND_US))

    def pass_by(self, seconds: float) -> None:
        self.wall_s += seconds
        self.ticks_s += seconds
