"""Courtesies around what is wanted, in both languages. A classifier of short sentences is led astray by them."""

import re

GREETINGS = (
    r"(?:hi|hello|hey|greetings|good (?:morning|afternoon|evening|day)|dear)(?: (?:there|all|team|sir|madam|everyone|"
    r"sir or madam|support|shop|friends?|customer service))*"
)
FIRST = re.compile(
    rf"^(?:\W*(?:{GREETINGS}|excuse me|pardon me"
    r"|(?:i am |i'm )?(?:so |very )?sorry (?:to|for) (?:bother|disturb|troubl)\w*(?: you)?(?: again)?"
    r"|if (?:it is|it's|that is|that's) (?:not too much|no) (?:trouble|bother)|if i may(?: ask)?"
    r"|(?:would|could|can) you (?:please |kindly )?be so (?:kind|good)(?: as to| and)?"
    r"|i hope you are (?:well|fine)|a quick question)\b"
    r"|\W*(?:[您你]好|哈[喽啰]|嗨|(?:早上|上午|中午|下午|晚上)好|亲(?:爱的)?|尊敬的\w{2,4}|不好意思|抱歉打扰|打扰(?:一下|您了?|了)?"
    r"|劳驾|拜托|能不能麻烦[您你]|可以麻烦[您你]|麻烦[您你](?:了)?|请教一下|请问一下))+(?:[,，、.。:：!！~]|\s|$)+",
    re.IGNORECASE,
)
LAST = re.compile(
    r"(?:[-,，.。!！?？;；~\s]*(?:\b(?:please|many thanks|thanks?(?: you)?(?: (?:so|very) much| a lot| a million)?"
    r"(?: (?:in advance|for your help))*|i(?:'d| would)"
    r" (?:really |be (?:so |very |most )?)(?:appreciate it|grateful|thankful|obliged)"
    r"|if you (?:do not|don't|would not|wouldn't) mind|if (?:possible|you can)|(?:kind|best|warm) regards|cheers)"
    r"|先?(?:谢谢|谢过|多谢|感谢)[您你]?[了啦]?|(?:非常|万分|十分)感[谢激]|辛苦[您你]?[了啦]|拜托[您你]?[了啦]?"
    r"|如果(?:方便|可以|不麻烦)的?话?))+[-.。!！~\s]*$",
    re.IGNORECASE,
)
ENOUGH = re.compile(r"(?:[^\W\d_]+\W+){2}[^\W\d_]|[\u4e00-\u9fff]{4}")


def without_courtesy(text: str) -> str:
    """The text without courtesies before and after what is wanted; as it is if less than a sentence is left."""
    rest = LAST.sub("", FIRST.sub("", text, count=1), count=1)
    return rest.strip() if ENOUGH.search(rest) else text
