"""Going offline and online by the local API."""

from stationd.api.connection import ConnectionApi


class _Connection:
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def go_offline(self) -> None:
        self.asked.append("offline")

    async def go_online(self) -> None:
        self.asked.append("online")


async def test_each_method_does_its_word_and_answers_with_the_state_after_it() -> None:
    connection = _Connection()
    methods = ConnectionApi(connection, lambda: {"state": connection.asked[-1]}, lambda: {"layers": []}).methods()
    offline, online = methods["connection.offline"].handler, methods["connection.online"].handler
    assert offline is not None
    assert online is not None
    assert await offline() == {"state": "offline"}
    assert await online() == {"state": "online"}
    assert connection.asked == ["offline", "online"]
    show = methods["connection"].handler
    assert show is not None
    assert await show() == {"layers": []}
