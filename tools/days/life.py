"""One life of a gateway in a simulated day: from its start to its stop, or to a crash that takes all it was doing."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from contextvars import ContextVar
from functools import partial
from random import Random
from typing import Any, ClassVar, TypeVar

from gateway.access.authorize import Access, Authorizer
from gateway.access.tokens import Credential
from gateway.books.ledger import creator_account
from gateway.catalog.api_keys import OPERATOR, Caller
from gateway.catalog.catalog import Catalog
from gateway.errors import Unavailable
from gateway.events.hub import Hub
from gateway.nodes.identity import PinnedNode
from gateway.nodes.pool import Nodes
from gateway.payouts.destinations import set_destination
from gateway.payouts.follow_up import FollowUp
from gateway.payouts.refunds import Refunds
from gateway.payouts.request import Wanted
from gateway.ports.clock import Clock
from gateway.ports.keys import KeyRing
from gateway.rows import Creator, Invoice, Item
from gateway.rows.payouts import Asker, Payout
from gateway.sales.challenges import Challenges
from gateway.sales.checkout import Checkout, Sold
from gateway.sales.purchase import Buyer, Sales
from gateway.sales.terms import item_terms
from gateway.settlement.follow import follow
from gateway.settlement.recheck import Rechecker
from gateway.settlement.settle import Settler
from gateway.settlement.sweep import Sweeper
from gateway.supervise import Supervisor, every
from tests.payouts.world import Host, payout_process
from tests.support.announced import Announced
from tests.support.domain import PUBLIC_HOST, no_limits
from tests.support.rows import EXPIRY_SECONDS
from tools.days.lnd import Lnd, RemoteNode, RemotePayer
from tools.days.store import Database, InlineStore

T = TypeVar("T")
LOOK_AGAIN_SECONDS = 15.0
# A day has 86,400 seconds: the look for due rows, which seldom finds one, would cost more than all else.
SWEEP_EVERY_SECONDS = 15.0
PAYOUTS_EVERY_SECONDS = REFUNDED_EVERY_SECONDS = 60.0
DESTINATION_DELAY_SECONDS = 3_600

_living: ContextVar["Life | None"] = ContextVar("living", default=None)


class Gone(Exception):
    """The gateway ended before it answered."""


class Life:
    """A gateway's parts, put together as `gateway.app.assemble` does, on ports that end with it."""

    hub_class: ClassVar[type[Hub]] = Hub
    sweeper_class: ClassVar[type[Sweeper]] = Sweeper
    follow_up_class: ClassVar[type[FollowUp]] = FollowUp

    def __init__(
        self,
        database: Database,
        lnd: Lnd,
        host: Host,
        keys: KeyRing,
        clock: Clock,
        rng: Random,
        *,
        on_credited: Callable[[Sequence[Invoice]], None],
    ) -> None:
        self.is_alive = True
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self._stopping = asyncio.Event()
        self.store = InlineStore(database, rng, lambda: self.is_alive)
        self.node = RemoteNode(lnd, rng, lambda: self.is_alive)
        self.hub = self.hub_class(most=10_000, most_per_invoice=8)
        self.catalog = Catalog(self.store)
        self.supervisor = Supervisor()
        nodes = Nodes([self.node], self.store)
        pinned = nodes[self.node.node_id].pinned
        announcements = _Announcements(self.hub, on_credited)
        self.settler = Settler(self.node, self.store, clock, announcements)
        self.rechecker = Rechecker(nodes, {self.node.node_id: self.settler}, self.store, clock)
        self.sweeper = self.sweeper_class(
            pinned, self.settler, self.store, clock, due_every_seconds=SWEEP_EVERY_SECONDS
        )
        self.authorizer = Authorizer(keys, self.store, self.rechecker, clock)
        self.checkout = Checkout(
            nodes,
            self.rechecker,
            self.store,
            keys,
            clock,
            rng.randbytes,
            expiry_seconds=EXPIRY_SECONDS,
        )
        self.sales = Sales(
            self.checkout,
            Challenges(clock),
            self.authorizer,
            no_limits(clock),
            keys,
            clock,
            announcements,
            public_host=PUBLIC_HOST,
        )
        self.payer = RemotePayer(lnd, rng, lambda: self.is_alive)
        # Whether an invoice has expired is judged by a clock that is right to the minute.
        self._host, self._payouts_clock = host, lnd.clock
        self.payouts = payout_process(
            self.store, self.payer, host, lnd.clock, rng.randbytes, follow_up_class=self.follow_up_class
        )
        self._refunds = Refunds(self.payouts.requests, self.store, keys, clock)
        self._main = self.spawn(self._run(pinned))

    def spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Begin something that ends with this life, as does all that it begins itself."""
        token = _living.set(self)
        try:
            return asyncio.get_running_loop().create_task(work)
        finally:
            _living.reset(token)

    async def ask(self, work: Coroutine[Any, Any, T]) -> T:
        """The answer of a request. Raises `Gone`, and what the request raises."""
        if not self.is_alive:
            work.close()
            raise Gone
        task = self.spawn(work)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
        if task.cancelled():
            raise Gone
        return task.result()

    def kill(self) -> None:
        """End now: nothing more is written, asked or told."""
        self.is_alive = False
        for task in list(self.tasks):
            task.cancel()

    async def stop(self) -> None:
        """End as asked to: the streams first, then the work in reverse order."""
        self.hub.close()
        self._stopping.set()
        await asyncio.wait([self._main])
        self.kill()

    # What readers ask for ---------------------------------------------------------------------------------------------

    async def buy(self, item_id: str, key: str | None) -> Sold:
        """A reader's own invoice."""
        return await self.sales.buy(*await self._item(item_id), _buyer(key))

    async def tip(self, amount_msat: int, key: str | None) -> Sold:
        """An invoice for a tip."""
        await self.catalog.refresh()
        creator = self.catalog.creator("bob")
        return await self.sales.tip(creator, _buyer(key), amount_msat=amount_msat, message="thank you", name="")

    async def challenge(self, item_id: str) -> Invoice:
        """A program's invoice."""
        item, creator = await self._item(item_id)
        return await self.checkout.challenge(item_terms(item, creator, public_host=PUBLIC_HOST))

    async def _item(self, item_id: str) -> tuple[Item, Creator]:
        await self.catalog.refresh()
        item = self.catalog.item(item_id)
        return item, self.catalog.creator(item.creator)

    async def wait_until_told(self, payment_hash: str) -> None:
        """The event stream of an invoice: ends when its reader was told of the settlement, or the gateway stops."""
        with self.hub.waiting(payment_hash) as woken:
            while not self.hub.closed:
                woken.clear()
                with suppress(Unavailable):
                    invoice = await self.store.read(lambda tx: tx.invoices.get(payment_hash))
                    if invoice is not None and invoice.settled_at is not None:
                        return
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                        await woken.wait()
        raise Gone

    async def look(self, payment_hash: str) -> bool:
        """`GET /v1/invoices/{payment_hash}`: whether it is settled."""
        invoice = await self.store.read(lambda tx: tx.invoices.get(payment_hash))
        assert invoice is not None, "what a reader was given has a row"
        with suppress(Unavailable):
            invoice = await self.rechecker.recheck(invoice)
        return invoice.settled_at is not None

    async def open(self, token: bytes, preimage: bytes | None, item_id: str) -> Access:
        """`GET …/content` with a token."""
        return await self.authorizer.authorize([("line", Credential(token, preimage))], item_id)

    # What creators, the operator and payers ask for -------------------------------------------------------------------

    async def set_destination(self, creator: str, address: str, *, by_operator: bool) -> None:
        """`PUT …/creators/{name}/destination`."""
        await set_destination(
            self.store,
            self._host,
            creator=creator,
            address=address,
            caller=OPERATOR if by_operator else Caller(creator, creator),
            now=int(self._payouts_clock()),
            delay_seconds=DESTINATION_DELAY_SECONDS,
        )

    async def pay_out(self, creator: str, amount_msat: int) -> Payout:
        """A creator asks for a payout."""
        account = creator_account(creator)
        wanted = Wanted(source_account=account, asked_by=Asker.CREATOR, amount_msat=amount_msat)
        return await self.payouts.requests.ask(wanted)

    async def refund(self, payment_hash: str, *, operator_pays: bool) -> None:
        """The operator offers a payment back."""
        await self._refunds.offer(payment_hash, caller=OPERATOR, operator_pays=operator_pays)

    async def claim(self, payment_hash: str, address: str) -> Payout:
        """A payer claims a refund."""
        return await self._refunds.claim(payment_hash, address)

    # ------------------------------------------------------------------------------------------------------------------

    async def _run(self, pinned: PinnedNode) -> None:
        work: dict[str, Callable[..., Awaitable[None]]] = {
            "sweep": self.sweeper.run,
            "follow": partial(follow, pinned, self.settler, self.sweeper),
            "payouts": partial(self.payouts.worker.run, every_seconds=PAYOUTS_EVERY_SECONDS),
            "refunded": every(REFUNDED_EVERY_SECONDS, self.authorizer.refunded.refresh),
        }
        async with AsyncExitStack() as stack:
            for name, each in work.items():
                await stack.enter_async_context(self.supervisor.supervise(name, each))
            await self._stopping.wait()


class _Announcements(Announced):
    """Wakes those who wait, and tells the day of each credit."""

    def __init__(self, hub: Hub, on_credited: Callable[[Sequence[Invoice]], None]) -> None:
        super().__init__()
        self._hub, self._on_credited = hub, on_credited

    def settled(self, invoices: Sequence[Invoice], *, arrived_at: float) -> None:
        super().settled(invoices, arrived_at=arrived_at)
        for invoice in invoices:
            self._hub.wake(invoice.payment_hash)
        self._on_credited(invoices)


def remember_tasks(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> "asyncio.Task[Any]":
    """A task factory that notes whose life a task belongs to."""
    task = asyncio.Task(work, loop=loop, **options)
    life = _living.get()
    if life is not None:
        life.tasks[task] = None
        task.add_done_callback(lambda ended: life.tasks.pop(ended, None))
    return task


def _buyer(key: str | None) -> Buyer:
    return Buyer(client_key="a network", idempotency_key=key)
