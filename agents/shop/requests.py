"""The requests of customers to the shop, each with everything it needs."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from agents.shop.accounts import Account, PostalAddress

Number = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
Skus = Annotated[tuple[Number, ...], Field(min_length=1, max_length=100)]
CustomerId = Annotated[str, Field(min_length=1, max_length=100)]
Reason = Literal["no longer needed", "ordered by mistake"]


class Cancel(Account):
    """Cancel an order before it is shipped; the payment goes back."""

    kind: Literal["cancel"] = "cancel"
    order: Number
    reason: Reason = "no longer needed"


class Return(Account):
    """Send pieces back; the money goes to the original method or a gift card."""

    kind: Literal["return"] = "return"
    order: Number
    pieces: Skus
    method: Number


class Exchange(Account):
    """Exchange pieces for variants of the same products; `method` pays or receives the difference."""

    kind: Literal["exchange"] = "exchange"
    order: Number
    pieces: Skus
    new: Skus
    method: Number


class ModifyItems(Account):
    """Replace pieces by variants of the same products, before shipping."""

    kind: Literal["modify_items"] = "modify_items"
    order: Number
    pieces: Skus
    new: Skus
    method: Number


class ModifyPayment(Account):
    """Pay by another method, before shipping."""

    kind: Literal["modify_payment"] = "modify_payment"
    order: Number
    method: Number


class ModifyOrderAddress(Account):
    """Ship to another address, before shipping."""

    kind: Literal["modify_order_address"] = "modify_order_address"
    order: Number
    address: PostalAddress


class ModifyCustomerAddress(Account):
    """Change the default address of the account."""

    kind: Literal["modify_customer_address"] = "modify_customer_address"
    address: PostalAddress


Kind = Literal[
    "cancel", "return", "exchange",
    "modify_items", "modify_payment", "modify_order_address", "modify_customer_address",
]  # fmt: skip
Request = Annotated[
    Cancel
    | Return
    | Exchange
    | ModifyItems
    | ModifyPayment
    | ModifyOrderAddress
    | ModifyCustomerAddress,
    Field(discriminator="kind"),
]
REQUESTS: TypeAdapter[Request] = TypeAdapter(Request)
