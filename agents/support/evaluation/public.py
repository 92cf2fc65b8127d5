"""How well intents are recognised in what others wrote: two public files, read when they are measured.

Bitext's customer-service utterances (https://github.com/bitext, CDLA-Sharing-1.0) and CLINC150 (Larson et
al., An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction, 2019, CC BY 3.0). Their
intents are mapped to ours once, by their names alone; no example was written from them, and no limit was
set by them. CLINC's `maybe` is no intent: `consents.py` measures it.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.runtime.errors import AgentError
from agents.runtime.settings import ROOT
from agents.support.evaluation.intents import by_keywords, by_nearest
from agents.support.evaluation.measures import interval
from agents.support.models import IntentName
from agents.support.understanding.classify import understand
from agents.support.understanding.embedding import is_available

DATA = ROOT.parent / "shared" / "data"
FILES = {"bitext": DATA / "utterances_bitext.csv", "clinc": DATA / "utterances_clinc.csv"}
SLOTS = {"{{Order Number}}": "W2378156"}
OUT = "out_of_scope"
MAPPED: Mapping[str, tuple[IntentName, ...]] = {
    # Bitext
    "cancel_order": ("cancel_order",),
    "change_order": ("modify_items",),
    "change_shipping_address": ("modify_order_address", "modify_customer_address"),
    "check_cancellation_fee": ("knowledge",),
    "check_invoice": ("invoice",),
    "check_payment_methods": ("knowledge",),
    "check_refund_policy": ("knowledge",),
    "complaint": ("complaint",),
    "contact_customer_service": ("human", "knowledge"),
    "contact_human_agent": ("human",),
    "create_account": ("account",),
    "delete_account": ("account",),
    "delivery_options": ("knowledge",),
    "delivery_period": ("knowledge", "order_status"),
    "edit_account": ("account",),
    "get_invoice": ("invoice",),
    "get_refund": ("return_items", "refund_status"),
    "newsletter_subscription": ("account",),
    "payment_issue": ("payment_problem",),
    "place_order": ("place_order",),
    "recover_password": ("account",),
    "registration_problems": ("account",),
    "review": ("complaint",),
    "set_up_shipping_address": ("modify_customer_address", "modify_order_address"),
    "switch_account": ("account",),
    "track_order": ("order_status",),
    "track_refund": ("refund_status",),
    # CLINC150
    "are_you_a_bot": ("bot",),
    "cancel": ("deny", "cancel_order"),
    "goodbye": ("goodbye",),
    "greeting": ("greeting",),
    "no": ("deny",),
    "order_status": ("order_status",),
    "out_of_scope": (OUT,),
    "repeat": ("repeat",),
    "thank_you": ("thanks",),
    "yes": ("affirm",),
}
