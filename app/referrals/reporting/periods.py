"""Calendar quarters. Reports are made of whole quarters that never overlap, so that no two can be subtracted."""

from dataclasses import dataclass
from datetime import UTC, date, datetime


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """Months are like `2026-10`; instants belong to the quarter of their UTC day."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> "Quarter":
        return cls(day.year, (day.month + 2) // 3)

    @classmethod
    def parse(cls, text: str) -> "Quarter | None":
        """Like `2026-Q4`; None for anything else."""
        year, _, number = text.partition("-Q")
        if not (len(year) == 4 and year.isascii() and year.isdigit() and number in {"1", "2", "3", "4"}):
            return None
        return cls(int(year), int(number)) if 2000 <= int(year) <= 2999 else None

    def __str__(self) -> str:
        return f"{self.year}-Q{self.number}"

    @property
    def months(self) -> tuple[str, ...]:
        first = 3 * self.number - 2
        return tuple(f"{self.year}-{month:02}" for month in range(first, first + 3))

    def begun(self, day: date) -> tuple[str, ...]:
        """The months that have begun by this day."""
        return tuple(month for month in self.months if month <= f"{day:%Y-%m}")

    @property
    def start(self) -> datetime:
        return datetime(self.year, 3 * self.number - 2, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return self.next.start

    @property
    def next(self) -> "Quarter":
        return Quarter(self.year + 1, 1) if self.number == 4 else Quarter(self.year, self.number + 1)

    @property
    def before(self) -> "Quarter":
        return Quarter(self.year - 1, 4) if self.number == 1 else Quarter(self.year, self.number - 1)
