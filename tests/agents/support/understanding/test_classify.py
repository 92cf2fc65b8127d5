"""What is understood: sentences that no example says so, in two languages, and the orders they name."""

from agents.support.understanding.classify import examples, language_of, understand

# Written apart from the examples.
UNSEEN = [
    ("could you tell me where my package is right now", "order_status"),
    ("did my stuff ship already?", "order_status"),
    ("my money has still not been refunded", "refund_status"),
    ("please cancel the order I placed this morning", "cancel_order"),
    ("I would like to speak with a real person", "human"),
    ("how many days does the delivery take", "knowledge"),
    ("which cards can I pay with, what payment methods", "knowledge"),
    ("hello there", "greeting"),
    ("thank you so much", "thanks"),
    ("请问我的包裹现在到哪儿了", "order_status"),
    ("我的退款怎么还没到", "refund_status"),
    ("麻烦把订单取消", "cancel_order"),
    ("我想找人工客服", "human"),
    ("一般送货要几天", "knowledge"),
    ("你好呀", "greeting"),
]


def test_most_unseen_sentences_are_understood() -> None:
    missed = [text for text, intent in UNSEEN if understand(text).best.name != intent]
    assert len(missed) <= len(UNSEEN) * 0.15, missed


def test_orders_are_named_in_many_ways() -> None:
    assert understand("where is #W1234567?").orders == ("W1234567",)
    assert understand("cancel B0000012 and f12ab-3").orders == ("B0000012", "f12ab-3")
    assert understand("我的订单 W7654321 到哪了").orders == ("W7654321",)
    assert understand("where is my order").orders == ()


def test_language_and_anger() -> None:
    assert (language_of("hello"), language_of("hello 你好")) == ("en", "zh")
    assert understand("this is a scam, where is my order").angry
    assert understand("我要投诉").angry
    assert not understand("where is my order").angry


def test_every_intent_has_examples_in_both_languages() -> None:
    told = {(name, language_of(text)) for text, name in examples()}
    assert len(told) == 2 * len({name for name, _ in told})
    assert len({text for text, _ in examples()}) == len(examples())
