"""A wallet and its relay in one: Nostr Wallet Connect (NIP-47) as a reader's browser meets it, encrypted by NIP-44."""

import hashlib
import hmac
import json
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web
from coincurve import PrivateKey, PublicKey, PublicKeyXOnly
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from tests.support.site import serve_app

INFO, REQUEST, RESPONSE = 13194, 23194, 23195

Event = dict[str, Any]
Answer = Callable[[str], Awaitable[Event | None]]


class NostrWallet:
    """Asks `pay` what to answer to an invoice: a `result`, an `error`, or None for silence."""

    def __init__(self, pay: Answer) -> None:
        self._pay = pay
        self._key, self._reader = PrivateKey(), PrivateKey()
        self.asked: list[str] = []
        self.url = ""

    @property
    def connection(self) -> str:
        """What a reader pastes."""
        relay = self.url.replace("http://", "ws://")
        return f"nostr+walletconnect://{_public(self._key)}?relay={relay}&secret={self._reader.to_hex()}"

    async def answer(self, request: web.Request) -> web.WebSocketResponse:
        """One browser at the relay."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        waiting = ""
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            kind, *rest = json.loads(message.data)
            if kind == "REQ":
                waiting = rest[0]
                if INFO in rest[1]["kinds"]:
                    await socket.send_json(["EVENT", waiting, self._info()])
                await socket.send_json(["EOSE", waiting])
            elif kind == "EVENT":
                await socket.send_json(["OK", rest[0]["id"], True, ""])
                reply = await self._reply(rest[0])
                if reply is not None:
                    await socket.send_json(["EVENT", waiting, reply])
        return socket

    def _info(self) -> Event:
        return _signed(self._key, INFO, [["encryption", "nip44_v2"]], "pay_invoice")

    async def _reply(self, event: Event) -> Event | None:
        reader = event["pubkey"]
        assert (event["kind"], reader) == (REQUEST, _public(self._reader))
        assert event["id"] == _id(event)
        assert PublicKeyXOnly(bytes.fromhex(reader)).verify(bytes.fromhex(event["sig"]), bytes.fromhex(event["id"]))
        key = _conversation(self._key, reader)
        command = json.loads(_decrypt(key, event["content"]))
        assert command["method"] == "pay_invoice"
        invoice = command["params"]["invoice"]
        self.asked.append(invoice)
        answer = await self._pay(invoice)
        if answer is None:
            return None
        content = _encrypt(key, json.dumps({"result_type": "pay_invoice"} | answer))
        return _signed(self._key, RESPONSE, [["p", reader], ["e", event["id"]]], content)


@asynccontextmanager
async def open_wallet(pay: Answer) -> AsyncIterator[NostrWallet]:
    """Start it on a free port."""
    wallet = NostrWallet(pay)
    app = web.Application()
    app.router.add_get("/", wallet.answer)
    async with serve_app(app) as wallet.url:
        yield wallet


def _signed(key: PrivateKey, kind: int, tags: list[list[str]], content: str) -> Event:
    event: Event = {
        "pubkey": _public(key),
        "created_at": int(time.time()),
        "kind": kind,
        "tags": tags,
        "content": content,
    }
    event["id"] = _id(event)
    return event | {"sig": key.sign_schnorr(bytes.fromhex(event["id"])).hex()}


def _id(event: Event) -> str:
    parts = [0, *(event[name] for name in ("pubkey", "created_at", "kind", "tags", "content"))]
    return hashlib.sha256(json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def _public(key: PrivateKey) -> str:
    return key.public_key_xonly.format().hex()


def _conversation(key: PrivateKey, public: str) -> bytes:
    shared = PublicKey(bytes.fromhex("02" + public)).multiply(key.secret).format()[1:]
    return hmac.digest(b"nip44-v2", shared, "sha256")


def _encrypt(conversation: bytes, text: str) -> str:
    nonce, plain = secrets.token_bytes(32), text.encode()
    # Padded to the next power of two, which is one of the lengths that the protocol has for what is this short.
    padded = len(plain).to_bytes(2) + plain.ljust(max(32, 1 << (len(plain) - 1).bit_length()), b"\0")
    stream, mac_key = _message_keys(conversation, nonce)
    sent = stream.encryptor().update(padded)
    return b64encode(b"\x02" + nonce + sent + hmac.digest(mac_key, nonce + sent, "sha256")).decode()


def _decrypt(conversation: bytes, payload: str) -> str:
    whole = b64decode(payload)
    nonce, sent, mac = whole[1:33], whole[33:-32], whole[-32:]
    stream, mac_key = _message_keys(conversation, nonce)
    assert whole[0] == 2
    assert hmac.compare_digest(hmac.digest(mac_key, nonce + sent, "sha256"), mac)
    padded = stream.decryptor().update(sent)
    return padded[2 : 2 + int.from_bytes(padded[:2])].decode()


def _message_keys(conversation: bytes, nonce: bytes) -> tuple[Cipher[None], bytes]:
    keys, block = b"", b""
    for number in (1, 2, 3):
        block = hmac.digest(conversation, block + nonce + bytes([number]), "sha256")
        keys += block
    # The block counter of ChaCha20 begins at 0.
    return Cipher(algorithms.ChaCha20(keys[:32], bytes(4) + keys[32:44]), mode=None), keys[44:76]
