"""How often what others wrote is answered with a passage, right or wrong, through the workflow itself.

Each utterance is the first turn of a conversation of its own, so that passages compete with intents as in the
product. What is out of scope should get no passage. A question about our rules should get the passage of its
subject, which is mapped from the intent's name alone.
"""

from collections.abc import Mapping, Sequence

from agents.support.evaluation.public import MAPPED, Said, files, read
from agents.support.evaluation.simulation import Answer
from agents.support.models import Turn
from agents.support.run import ConversationRun
from agents.support.understanding.examples import OUT

SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "check_cancellation_fee": (
        "Does it cost anything to cancel?",
        "Until when can an order be cancelled?",
    ),
    "check_payment_methods": (
        "Which payment methods are accepted?",
        "Can I pay by bank transfer, cash or in instalments?",
    ),
    "check_refund_policy": (
        "How do refunds work?",
        "In which cases is money refunded?",
        "How can an item be returned?",
        "When is the money of a return paid back?",
    ),
    "contact_customer_service": (
        "When can I reach your staff?",
        "Is there a telephone number or an e-mail address?",
    ),
    "delivery_options": (
        "How long does delivery take?",
        "What does shipping cost?",
        "Do you ship abroad?",
        "Which carriers bring the parcels?",
        "Is there express delivery?",
        "Can I collect an order myself?",
        "Can you ship to a post office box or a pick-up point?",
        "Can an order be delivered on a certain day?",
    ),
    "delivery_period": ("How long does delivery take?", "Is there express delivery?"),
}
"""An intent of a file whose utterances ask about rules -> the sections that answer it."""


async def measured_answers(path: str, run: ConversationRun, answer: Answer) -> dict[str, float]:
    """Figures of each file, as far as it has such utterances. Raises NoUtterances.

    Of "utterances_x.csv" `x_answered_out_of_scope` is the share of what is out of scope that gets a
    passage; `x_answered_wrongly` and `x_answered_rightly` are shares of the questions about rules.
    `answer` takes a batch of turns through the workflow.
    """
    figures = dict[str, float]()
    for file in files(path):
        name = file.stem.removeprefix("utterances_")
        said = [one for one in read(file) if one.intent in MAPPED]
        strange = [one for one in said if one.intent == OUT]
        if strange:
            given = await _sections(name, strange, run, answer)
            figures[f"{name}_answered_out_of_scope"] = sum(map(bool, given)) / len(given)
        asked = [one for one in said if one.intent in SUBJECTS]
        if asked:
            given = await _sections(f"{name}-rules", asked, run, answer)
            both = list(zip(asked, given, strict=True))
            right = [got in SUBJECTS[one.intent] for one, got in both]
            wrong = [bool(got) and got not in SUBJECTS[one.intent] for one, got in both]
            figures[f"{name}_answered_rightly"] = sum(right) / len(both)
            figures[f"{name}_answered_wrongly"] = sum(wrong) / len(both)
    return figures


async def _sections(
    name: str, said: Sequence[Said], run: ConversationRun, answer: Answer
) -> list[str]:
    """For each utterance the section that it is answered with; empty for any other answer."""
    turns = [
        Turn(conversation=f"{name}-{number}", number=1, user=f"{name}-{number}", text=one.text)
        for number, one in enumerate(said)
    ]
    async for batch in run.accepted(turns):
        await answer(batch)
    found = list[str]()
    for turn in turns:
        _, decided, _ = await run.answered(turn)
        given = [part.passage.section for part in decided.parts if part.passage is not None]
        found.append(given[0] if given else "")
    return found
