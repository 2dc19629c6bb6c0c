"""How large the pictures of one file may be together, so that the web process never holds more."""

import pytest

from app.documents.limits import MOST_FILE_BYTES, MOST_PAGE_BYTES, most_page_bytes


@pytest.mark.parametrize("most_pages", [1, 3, 40, 200])
def test_pages_of_noise_never_pass_the_bound_and_each_has_room(most_pages: int) -> None:
    used, sizes = 0, []
    for page in range(most_pages):
        sizes.append(most_page_bytes(used, page, most_pages))
        used += sizes[-1]
    assert used <= MOST_FILE_BYTES
    assert sizes[0] == MOST_PAGE_BYTES or most_pages > 40
    assert min(sizes) >= min(500_000, MOST_FILE_BYTES // most_pages)


def test_pages_of_print_take_nothing_from_those_that_follow() -> None:
    used = sum(400_000 for _page in range(39))
    assert most_page_bytes(used, 39, 40) == MOST_PAGE_BYTES
