"""Bare calls of the sandbox, for what the adapters hide."""

from agents.services.http import Answer, Body, Call, HttpApi

EVERY_ERROR = frozenset({400, 401, 402, 404, 409, 422, 429, 500, 503})
Form = dict[str, str]


async def post(api: HttpApi, path: str, form: Form, key: str = "") -> Answer:
    call = Call("post", "POST", path, form=tuple(form.items()), key=key, answers=EVERY_ERROR)
    return await api.call(call)


async def send(api: HttpApi, method: str, path: str, body: Body | None = None) -> Answer:
    return await api.call(Call("send", method, path, json=body, answers=EVERY_ERROR))


async def stock(api: HttpApi, sku: str, on_hand: int, weight_grams: int = 100) -> None:
    body = {"on_hand": on_hand, "weight_grams": weight_grams}
    assert (await send(api, "PUT", f"/inventory/stock/{sku}", body)).ok
