"""Things under keys: made once, found, and never again after their key is closed."""

import pytest

from agents.services.http import HttpApi, Rejected
from agents.services.keyed import HttpKeyed, Keyed
from tests.agents.services.bare import send


@pytest.fixture
def books(api: HttpApi) -> Keyed:
    api.url += "/books"
    return HttpKeyed(api)


async def test_a_thing_is_made_once_and_found(books: Keyed, name: str) -> None:
    assert await books.find(name) is None
    made = await books.make(name, {"n": 1})
    assert (made["status"], made["body"]) == ("open", {"n": 1})
    assert await books.make(name, {"n": 1}) == made
    assert await books.find(name) == made
    other = await books.make(f"{name}/other", {"n": 1})
    assert other["id"] != made["id"]


async def test_a_key_stands_for_one_body(books: Keyed, name: str) -> None:
    await books.make(name, {"n": 1})
    with pytest.raises(Rejected, match="other_body"):
        await books.make(name, {"n": 2})


async def test_a_closed_key_makes_nothing_again_seen_or_not(books: Keyed, name: str) -> None:
    await books.make(name, {"n": 1})
    for key in (name, f"{name}/unseen"):
        await books.close(key)
        await books.close(key)
        assert await books.find(key) is None
        with pytest.raises(Rejected, match="closed"):
            await books.make(key, {"n": 1})


async def test_a_body_that_is_no_object_is_refused(api: HttpApi, name: str) -> None:
    assert (await send(api, "PUT", f"/books/{name}", None)).status == 400


async def test_a_register_is_only_asked(api: HttpApi) -> None:
    api.url += "/tax-office"
    assert await HttpKeyed(api).find("DE1") == {"name": "Owner of DE1"}
    assert await HttpKeyed(api).find("DE000") is None
