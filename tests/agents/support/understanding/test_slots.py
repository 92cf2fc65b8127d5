"""What a message names is read by rules, in two languages."""

from agents.shop.accounts import PostalAddress
from agents.support.understanding.slots import slots, to_classify, without_names


def test_orders_are_named_in_many_ways() -> None:
    assert slots("where is #W1234567?").orders == ("W1234567",)
    assert slots("cancel B0000012 and f12ab-3").orders == ("B0000012", "f12ab-3")
    assert slots("我的订单 W7654321 到哪了").orders == slots("订单W7654321到哪了").orders
    assert slots("where is my order").orders == ()


def test_an_english_address_is_taken_apart_and_is_no_order() -> None:
    found = slots("ship W2378156 to 123 Main Street, Suite 4, Denver, CO 80279, USA please")
    assert found.orders == ("W2378156",)
    assert found.address == PostalAddress(
        line1="123 Main Street",
        line2="Suite 4",
        city="Denver",
        state="CO",
        postal_code="80279",
        country="US",
    )


def test_a_chinese_address_is_taken_apart() -> None:
    for text in (
        "把订单W2378156的地址改成北京市朝阳区建国路88号 100022",
        "北京市朝阳区建国路88号 100022",
    ):
        address = slots(text).address
        assert address == PostalAddress(
            line1="朝阳区建国路88号", city="北京市", postal_code="100022", country="CN"
        )


def test_goods_dates_amounts_and_ways_of_paying() -> None:
    found = slots("On Nov 25 I paid $12.50 with my gift card for 6469567736, the second one")
    assert found.skus == ("6469567736",)
    assert found.dates == ("Nov 25",)
    assert found.amounts == ("$12.50",)
    assert found.methods == ("gift_card",)
    assert slots("用贝宝付了30元，昨天").model_dump(include={"methods", "amounts", "dates"}) == {
        "methods": ("paypal",),
        "amounts": ("30元",),
        "dates": ("昨天",),
    }
    assert slots("by credit card").methods == ("credit_card",)


def test_all_of_it_and_one_of_two() -> None:
    assert slots("return everything").everything
    assert slots("全部").everything
    assert [slots(text).choice for text in ("the second", "first one please", "第二个", "no")] == [
        2, 1, 2, 0,
    ]  # fmt: skip


def test_names_say_nothing_of_the_intent() -> None:
    assert without_names("Cancel W2378156, the 6469567736") == "cancel  , the"
    assert without_names("123 Main Street, Denver, CO 80279") == ""


def test_a_word_with_few_digits_is_called_an_order_only_if_the_text_calls_it_one() -> None:
    assert to_classify("one with 6 hours and IPX4") == "one with 6 hours and ipx4"
    assert "my order" in to_classify("where is W123?")
    assert "my order" in to_classify("where is #AB1?")
    assert to_classify("where is order AB1").split() == ["where", "is", "order"]


def test_an_address_is_called_an_address_whatever_it_is() -> None:
    text = "I want W6750959 sent to 476 Maple Drive, Suite 432, New York, NY, 10093, US"
    assert to_classify(text).split() == "i want my order sent to a new address".split()  # noqa: SIM905
    assert "新地址" in to_classify("寄到北京市朝阳区建国路1号 100022")
