"""What of a document may be repeated: its origin, and the sentences that are not meant for a customer.

A document whose head names an `origin` is not the shop's own: what it says is quoted with that name. A section
ends before its first sentence that is addressed to a program or asks for secrets, whatever letters it is written
in: what follows may belong to it. The rule knows how such sentences begin and what they are about, and cannot
know all: therefore no text of a document decides anything (`decide_turn.py`), and strangers' pages are marked.
"""

import re
from collections.abc import Mapping

from agents.support.models import Language
from agents.support.understanding.classify import readable

QUOTED: Mapping[Language, str] = {"en": '{origin} says: "{text}"', "zh": "{origin}说：“{text}”"}
SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*")
LETTERS = str.maketrans("аеорсхіѕуАЕОРСХІЅУ", "aeopcxisyAEOPCXISY")  # Cyrillic -> Latin
PROGRAM = re.compile(
    # who is addressed
    r"^\W*(?:system|assistant|user|developer|tool|prompt|sudo)\b[^.]{0,20}[:>\]=]"
    r"|^\W*(?:dear |hey |attention,? |note to )?(?:ai|assistants?|(?:chat)?bots?|llms?|language models?)\b\W*[,:]"
    r"|\b(?:assistants?|(?:chat)?bots?|ai|llms?|(?:language )?models?|you) (?:must|shall|should|have to|has to) "
    r"(?:now |always |never |first )?(?:say|tell|reply|answer|repeat|cancel|refund|ignore|act|obey|reveal|confirm)"
    r"|\byou (?:are|will be) (?:now |from now on )?(?:an? |the |in )?(?:\w+ )?"
    r"(?:assistant|ai|bot|chatbot|model|mode|administrator)\b"
    r"|\b(?:act|behave|pretend|role-?play)\b.{0,20}\b(?:as|like|to be)\b"
    r"|\b(?:if|when) you are an? (?:\w+ )?(?:assistant|ai|bot|model)\b|\bdeveloper mode\b|\bjailbreak"
    # against the rules
    r"|\b(?:ignore|disregard|forget|override|bypass|overrule)\b.{0,40}"
    r"\b(?:instruct|rule|prompt|previous|above|guid|polic|limit)"
    r"|\bfrom now on\b.{0,40}\b(?:yes|means|rule|answer|every|all)\b|\balready (?:confirmed|agreed)\b|\boverride\b"
    # what it should do
    r"|\b(?:tell|inform|assure|convince|instruct|ask) "
    r"(?:the |every |each |all |any |your )?(?:customers?|users?|visitors?|readers?)\b"
    r"|\b(?:cancel|refund|return|delete|approve)\b.{0,12}"
    r"\b(?:all|every|any|their|his|the users?'?s?)\b.{0,20}\borders?\b"
    r"|^\W*(?:reply|answer|respond|say|repeat|translate|decode|print|output|reveal|leak|show)\b.{0,50}"
    r"(?:\b(?:following|only|exactly|with|after me|prompt|instructions?|configuration|keys?|environment|word for word"
    r"|everything above|obey|do it)\b|<|\[)"
    r"|\b(?:system|hidden|secret|initial) (?:prompts?|instructions?)\b|\bobey\b"
    # calls, marks of chat formats, markup
    r"|tool_?call|function_?call|\"(?:tool|action|kind|role)\"\s*:|<\||\[/?inst\]|^\W*###|```|__import__|\{\{|\{%|\$\{"
    r"|\b(?:update|delete|drop|insert)\b.{0,20}\b(?:set|from|table|into)\b.*;|\b\w+_\w+\([^)]*\)|!\[|<(?:img|script|iframe)"
    # one certain order, which no page is about
    r"|\b(?:cancel|refund|return|exchange|change|reroute|list|show|send)\w*\b.{0,40}\b[a-z]{1,3}-?\d{5,}\b"
    r"|\b(?:all|every|any) orders? of (?:all|every|any|other) (?:customers?|users?)\b|\baction=|^(?:yes\W+){2,}"
    # the same in Chinese
    r"|(?:取消|退|换|改|查|列出|寄)[^。]{0,12}[A-Za-z]{1,3}-?\d{5,}|[A-Za-z]{1,3}-?\d{5,}[^。]{0,20}(?:取消|退款|退掉|地址改)"
    r"|^\W*(?:系统|助手|助理|用户|开发者|管理员)(?:提示|消息|指令|通知|命令)?\s*[:：]"
    r"|(?:忽略|无视|忘记|忘掉|绕过|不要理会|不用理会|跳过|推翻).{0,14}(?:指令|规则|提示|要求|设定|限制|政策|上文|以上|之前)"
    r"|(?:你|您)(?:现在)?(?:就)?(?:是|扮演|充当|作为|进入).{0,14}(?:助手|助理|模型|机器人|AI|人工智能|开发者模式|管理员)"
    r"|(?:助手|助理|模型|机器人|AI|人工智能|程序)[，,]?.{0,4}(?:必须|应当|应该|务必|请|需要|要|得)"
    r"|(?:告诉|通知|要求|说服|转告|提醒)(?:所有|全部|每个|每位|任何)?(?:的)?(?:客户|用户|顾客|买家|访客)"
    r"|(?:取消|退款|退掉|删除|批准|修改).{0,8}(?:所有|全部|该用户|用户的|客户的|每个).{0,8}(?:订单|退款|地址)"
    r"|^\W*(?:请)?(?:只)?(?:回答|回复|输出|复述|重复|翻译|打印|泄露).{0,10}(?:以下|如下|下面|只|提示|指令|密钥|配置|这句)"
    r"|从现在起|从现在开始|系统提示|提示词|开发者模式|已(?:经)?确认.{0,10}(?:取消|退)|没有任何规则",
    re.IGNORECASE,
)
SECRET = re.compile(
    r"\b(?:send|give|tell|enter|type|share|provide|reply with|submit|e-?mail|confirm|read out)\b.{0,50}"
    r"\b(?:passwords?|passcodes?|pins?|cvv|cvc|security codes?|card numbers?"
    r"|one-time codes?|verification codes?|api keys?|tokens?)\b"
    r"|(?:发|告诉|提供|输入|填写|回复|提交|报|说出|交).{0,18}(?:密码|验证码|卡号|安全码|身份证号|CVV|密钥|口令)"
    r"|(?:密码|验证码|卡号|安全码|身份证号|CVV|密钥|口令).{0,18}(?:发到|发给|告诉|提供给|交给)",
    re.IGNORECASE,
)
WARNS = re.compile(r"\b(?:never|not|nobody|no one)\b|n't\b|不|勿|别|绝", re.IGNORECASE)


def quoted(text: str, origin: str, language: Language) -> str:
    """The text as the word of its origin; as it is if it is the shop's own."""
    return QUOTED[language].format(origin=origin, text=text) if origin and text else text


def for_customers(text: str) -> str:
    """The text up to its first sentence that is addressed to a program or asks for secrets."""
    place = 0
    for gap in (*SENTENCE.finditer(text), None):
        if is_planted(text[place : gap.start() if gap else len(text)]):
            return text[:place].strip()
        place = gap.end() if gap else place
    return "" if is_planted(text) else text


def is_planted(sentence: str) -> bool:
    """Whether the sentence is addressed to a program, or asks for secrets rather than warns of them."""
    seen = readable(sentence).translate(LETTERS).strip()
    if PROGRAM.search(seen):
        return True
    return SECRET.search(seen) is not None and WARNS.search(seen) is None
