"""The statements of the queue are built once for each kind of list; who asks and from where are parameters."""

from app.cases import queue
from app.cases.queue_queries import Filters, QueueQuery
from app.casework.case_clocks import LIVE_REFERRALS


def test_a_list_is_built_once_and_another_kind_of_list_is_another_statement() -> None:
    def built(
        query: QueueQuery, *, backwards: bool = False, from_cursor: bool = False, is_postgres: bool = True
    ) -> str:
        statement = queue._page_statement(query, backwards, from_cursor, 25, LIVE_REFERRALS, is_postgres)
        assert queue._page_statement(query, backwards, from_cursor, 25, LIVE_REFERRALS, is_postgres) is statement
        return str(statement)

    usual = built(QueueQuery())
    assert ":of_team" in usual
    different = [
        built(QueueQuery("mine")),
        built(QueueQuery(filters=Filters(country="PL"))),
        built(QueueQuery(filters=Filters(need="asylum"))),
        built(QueueQuery(filters=Filters(need="asylum")), is_postgres=False),
        built(QueueQuery(sort="label")),
        built(QueueQuery(descending=True)),
        built(QueueQuery(), from_cursor=True),
        built(QueueQuery(), backwards=True, from_cursor=True),
    ]
    assert len({usual, *different}) == 1 + len(different)


def test_filters_of_one_shape_are_kept_apart() -> None:
    polish, georgian = (
        queue._page_statement(QueueQuery(filters=Filters(country=country)), False, False, 25, None, True)
        .compile()
        .params
        for country in ("PL", "GE")
    )
    assert ("PL" in polish.values(), "GE" in polish.values()) == (True, False)
    assert ("PL" in georgian.values(), "GE" in georgian.values()) == (False, True)


def test_counts_are_built_once_for_each_query_and_saved_queries() -> None:
    usual = queue._counts_statement(QueueQuery(), (), True)
    assert queue._counts_statement(QueueQuery(), (), True) is usual
    assert str(queue._counts_statement(QueueQuery(), (QueueQuery("mine"),), True)) != str(usual)
