"""Time that passes only when somebody waits."""


class FakeTime:
    """A clock in seconds, and a way to wait that moves it; `waits` records each wait."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float, /) -> None:
        self.waits.append(seconds)
        self.now += seconds
