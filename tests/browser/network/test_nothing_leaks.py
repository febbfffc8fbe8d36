"""What is paid for reaches a browser when it was paid for, and no byte of it earlier."""

import re
from importlib.resources import files

from gateway.demo.content import FILE
from tests.browser.reader import Reader
from tests.browser.recorded_responses import RecordedResponses
from tests.browser.running_demo import RunningDemo

WORDS_IN_A_ROW = 5
PIECE_BYTES = 48


async def test_no_run_of_paid_words_is_anywhere_before_the_payment(reader: Reader, demo: RunningDemo) -> None:
    recorded = RecordedResponses(reader.context)
    await reader.open("/i/welcome")
    invoice = await reader.press_pay()
    await refused_content(reader, "/v1/items/welcome/content", invoice["access_token"])
    known = [await recorded.text(), await reader.page.content(), await reader.stored(), *addresses(reader)]
    assert "haberdashery" in known[0], "the recording holds the preview"
    assert leaked_runs(" ".join(known)) == set()

    assert await demo.pay(invoice["payment_request"]) == 200
    await reader.is_open()
    assert len(leaked_runs(await recorded.text())) > 500, "the recorder sees the paid part"


async def test_no_other_address_tells_paid_words(reader: Reader) -> None:
    recorded = RecordedResponses(reader.context)
    for path in ("/", "/t/nora", "/i/calendar", "/docs", "/openapi.json", "/r", "/v1/items/welcome"):
        await reader.open(path)
        assert leaked_runs(await recorded.text()) == set()


async def test_no_piece_of_a_file_arrives_before_the_payment(reader: Reader, demo: RunningDemo) -> None:
    recorded = RecordedResponses(reader.context)
    await reader.open("/i/calendar")
    calendar = FILE.read_bytes()
    invoice = await reader.press_pay()
    await refused_content(reader, "/v1/items/calendar/content", invoice["access_token"])
    assert await reader.page.locator("#file").get_attribute("href") is None
    assert not any(piece in body for body in await recorded.bodies() for piece in pieces_of(calendar))
    assert "signature=" not in " ".join([await reader.page.content(), *addresses(reader)])

    assert await demo.pay(invoice["payment_request"]) == 200
    await reader.is_in("open")
    link = await reader.page.locator("#file").get_attribute("href")
    assert link is not None
    assert await (await reader.context.request.get(link)).body() == calendar


async def refused_content(reader: Reader, path: str, token: str) -> None:
    """What a curious reader tries: the token of an invoice that is not paid, and none."""
    reader.expects("401", "402")
    ask = "async ([path, headers]) => { const r = await fetch(path, { headers }); await r.text(); return r.status; }"
    assert await reader.page.evaluate(ask, [path, {"Authorization": f"Bearer {token}"}]) == 401
    assert await reader.page.evaluate(ask, [path, {}]) == 402


def leaked_runs(text: str) -> set[str]:
    """Runs of words of the paid part that a text holds."""
    free, paid = files("gateway.demo").joinpath("articles", "welcome.md").read_text("utf-8").split("<!-- more -->")
    return runs(text) & (runs(paid) - runs(free))


def runs(text: str) -> set[str]:
    """Every few words that follow each other."""
    words = re.findall(r"[^\W_]+", re.sub(r"<[^>]*>", " ", text))
    return {" ".join(words[at : at + WORDS_IN_A_ROW]) for at in range(len(words) - WORDS_IN_A_ROW + 1)}


def pieces_of(content: bytes) -> list[bytes]:
    """Pieces all over a file."""
    return [content[at : at + PIECE_BYTES] for at in range(0, len(content) - PIECE_BYTES, 8 * PIECE_BYTES)]


def addresses(reader: Reader) -> list[str]:
    """Every address that was asked for."""
    return [request.url for request in reader.requests]
