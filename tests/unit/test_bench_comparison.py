"""The comparison of two checkouts reads the rows that `make bench` prints, and says how far apart its turns were."""

from bench import against

PRINTED = """\
row                                                     hellos   ms CPU       ms  statements KB gzip  growth
sqlite, 1,000 cases: intake, JSON                         23.7    17.14     20.3          22     1.5
sqlite, 1,000 cases: queue, by label, down                28.6     8.52     22.9           7     4.8    1.02
sqlite, 1,000 cases: memory                            204 MB
sqlite, busy: intake, JSON                                30.1    20.00    1.27 of quiet
"""


def test_rows_are_read_and_other_lines_are_not() -> None:
    assert against.read_table(PRINTED) == {
        "sqlite, 1,000 cases: intake, JSON": 23.7,
        "sqlite, 1,000 cases: queue, by label, down": 28.6,
    }


def test_a_ratio_is_here_to_there_with_its_spread_and_only_rows_of_both() -> None:
    turns = [({"a": 20.0, "gone": 1.0}, {"a": 10.0, "new": 1.0}), ({"a": 10.0}, {"a": 10.0})]
    [line] = against.table(turns)
    assert line.split() == ["a", "15.0", "10.0", "0.67", "0.50", "to", "1.00"]
