"""A customer with two orders, and what a turn of theirs may know."""

from agents.shop.accounts import (
    CustomerAccount,
    Method,
    Movement,
    OrderAccount,
    Piece,
    PostalAddress,
    Status,
    Variant,
)
from agents.shop.contracts import OrderView
from agents.shop.rules import refusals
from agents.support.dialogue.forms import ShopView
from agents.support.dialogue.policy import answer_from, decide
from agents.support.dialogue.render import reply
from agents.support.dialogue.turn_context import TurnContext
from agents.support.models import (
    ChangeOutcome,
    Decided,
    Dialogue,
    Intent,
    IntentName,
    Passage,
    Turn,
    Understood,
    Wish,
)
from agents.support.understanding.slots import slots
from agents.support.understanding.wishes import wishes

HOME = PostalAddress(line1="1 Elm St", city="Denver", state="CO", postal_code="80279", country="US")
GOODS = {
    sku: Variant(
        sku=sku, product=p, name=name, price=price, currency="USD", options=options, available=True
    )
    for sku, p, name, price, options in (
        ("10000001", "shirt", "T-Shirt", 1_000, {"color": "red", "size": "M"}),
        ("10000002", "shirt", "T-Shirt", 1_200, {"color": "blue", "size": "M"}),
        ("10000003", "shirt", "T-Shirt", 1_100, {"color": "blue", "size": "L"}),
        ("20000001", "lamp", "Desk Lamp", 3_000, {"power": "battery"}),
    )
}
CUSTOMER = CustomerAccount(
    customer="u",
    methods={
        "card": Method(id="card", kind="credit_card", token="pm_card_visa"),
        "gift": Method(id="gift", kind="gift_card", token="pm_gift_card", balance=5_000),
    },
)
NEW = Dialogue()


def order(name: str, status: Status) -> OrderView:
    pieces = tuple(
        Piece(sku=v.sku, product=v.product, name=v.name, price=v.price)
        for v in (GOODS["10000001"], GOODS["20000001"])
    )
    paid = Movement(kind="payment", amount=4_000, method="card")
    account = OrderAccount(
        order=name, customer="u", status=status, address=HOME, pieces=pieces, movements=(paid,)
    )
    return OrderView(**dict(account), refuses=refusals(account))


SHOP = ShopView(
    CUSTOMER,
    {"A100": order("A100", "pending"), "B200": order("B200", "delivered")},
    GOODS,
    ("B200", "A100"),
)
MORE = ShopView(CUSTOMER, {**SHOP.orders, "C300": order("C300", "pending")}, GOODS, SHOP.latest)


WORDS: dict[str, IntentName] = {
    "cancel": "cancel_order", "where": "order_status", "return": "return_items", "person": "human",
    "取消": "cancel_order", "哪": "order_status", "退": "return_items", "what": "knowledge",
}  # fmt: skip


def by_word(text: str) -> tuple[Intent, ...]:
    """The intent of the first word that says one, for messages of several wishes."""
    low = text.lower()
    name = next((name for word, name in WORDS.items() if word in low), None)
    return (Intent(name=name or "out_of_scope", confidence=0.9 if name else 0.0),)


def said(text: str, before: Dialogue = NEW, shop: ShopView = SHOP) -> TurnContext:
    """The text, understood by its words."""
    best = by_word(text)[0]
    understood = Understood(
        language="en", intents=(best,), wishes=wishes(text, by_word), slots=slots(text)
    )
    turn = Turn(conversation="c", number=1, user="u", text=text)
    return TurnContext(turn, understood, before, shop)


def heard(
    text: str,
    *intents: IntentName,
    before: Dialogue = NEW,
    angry: bool = False,
    confidence: float = 0.9,
    more: tuple[IntentName, ...] = (),
) -> TurnContext:
    """The text, understood as these intents, each a tenth less sure than the one before."""
    ranked = [Intent(name=n, confidence=confidence - k / 10) for k, n in enumerate(intents)]
    understood = Understood(
        language="en",
        intents=tuple(ranked) or (Intent(name="out_of_scope", confidence=0.0),),
        wishes=tuple(Wish(name=n, text=text, slots=slots(text)) for n in (*intents, *more) if more),
        slots=slots(text),
        angry=angry,
    )
    turn = Turn(conversation="c", number=1, user="u", text=text)
    return TurnContext(turn, understood, before, SHOP)


def decided(context: TurnContext, *passages: Passage) -> Decided:
    """The next step, where the documents have these passages."""
    return decide(context) or answer_from(context, passages)


def answer(step: Decided) -> str:
    """What the customer reads after the step."""
    return reply("en", step, ChangeOutcome(outcome="applied")).text


def talk(*said: tuple[str, *tuple[IntentName, ...]]) -> list[Decided]:
    """The steps of a dialogue: each turn is a text and what it was understood as."""
    before, steps = Dialogue(), []
    for text, *intents in said:
        step = decided(heard(text, *intents, before=before))
        before = reply("en", step, ChangeOutcome(outcome="applied")).after
        steps.append(step)
    return steps
