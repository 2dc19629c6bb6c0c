"""Entity tags as proxies rewrite them, and what is none of ours."""

import pytest

from app.api import etags


@pytest.mark.parametrize("header", ['"2"', ' "2" ', 'W/"2"', '"2-gzip"', 'W/"2-br"', '"2-zstd"'])
def test_a_version_is_read_however_a_proxy_writes_it(header: str) -> None:
    assert etags.version_in(header) == 2
    assert etags.is_in(header, etags.of_version(2))
    assert not etags.is_in(header, etags.of_version(22))


@pytest.mark.parametrize("header", ['"x"', '"-1"', '"2-lzma"', '"٢"', '"1234567890"', '""'])
def test_a_tag_that_is_not_ours_never_matches(header: str) -> None:
    assert etags.version_in(header) == -1


@pytest.mark.parametrize("header", ["", "2", '"2', '2"', "'2'", '"2", "3"', 'w/"2"', "W/2", "*", "“2”"])
def test_what_is_not_one_tag_in_quotes_is_told_from_it(header: str) -> None:
    assert etags.version_in(header) is None


def test_any_tag_of_a_list_and_the_star_match() -> None:
    assert etags.is_in('"1", W/"2-gzip"', '"2"')
    assert etags.is_in("*", '"2"')
    assert not etags.is_in('"1","3"', '"2"')
    assert etags.is_in('W/"0f3a-gzip"', '"0f3a"')
