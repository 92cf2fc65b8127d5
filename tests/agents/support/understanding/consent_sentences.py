"""Sentences that answer the question for a cancellation, made by rule: consents, and all that is none."""

from itertools import product

AGREES = {
    "en": ("yes", "Yes", "ok", "OK", "sure", "yeah", "yep", "y", "alright", "of course", "fine", "👍", "do it"),
    "zh": ("是的", "好的", "可以", "嗯嗯", "好滴", "好嘞", "可以的", "行", "没问题", "对", "确认", "👍", "要的"),
}  # fmt: skip
CONDITIONS = {
    "en": (
        "if it is free", "but only if I get the money back today", "as long as it costs nothing",
        "provided that the lamp stays", "unless it was shipped", "but keep the lamp", "but not the mug",
        "except for the keyboard", "just the lamp though", "once my wife agrees", "after I have paid",
        "only the first one", "but change the address first", "when the refund is instant", "without the fee",
    ),
    "zh": (
        "如果免费的话", "但是要今天退钱", "只要不收费", "前提是台灯留着", "要是还没发货的话", "但是台灯留下",
        "不过水杯不要动", "除了键盘", "只取消台灯", "等我爱人同意以后", "等我付完款", "先改地址",
        "退款马上到的话", "不收手续费就", "但台灯别取消",
    ),
}  # fmt: skip
QUESTIONS = {
    "en": (
        "what does it cost", "how long does it take?", "are you sure?", "when do I get my money?", "why?",
        "is that free?", "can I undo it?", "and the shipping fee?", "which order was that?", "do I have to?",
    ),
    "zh": (
        "要多少钱", "多久到账？", "你确定吗？", "什么时候退钱？", "为什么？", "免费吗", "能撤销吗？",
        "那运费呢", "是哪个订单？", "必须这样吗",
    ),
}  # fmt: skip
HESITATIONS = {
    "en": (
        "wait", "maybe", "later", "let me think", "hold on", "not yet", "I am not sure", "perhaps", "I guess not",
        "one moment", "tomorrow", "hmm", "I don't know", "give me a minute", "probably", "might do",
        "I think so", "I suppose", "could be", "not exactly", "almost", "let me ask my husband", "in a while",
    ),
    "zh": (
        "等等", "也许", "以后再说", "让我想想", "稍等", "先等一下", "我不确定", "可能吧", "再考虑考虑",
        "等一会儿", "明天再说", "嗯……", "不知道", "给我一分钟", "大概", "再看看",
        "应该吧", "好像是", "不完全对", "差不多", "我问问家里人", "过一会儿", "要是行就行", "不急",
    ),
}  # fmt: skip
JOINS = {"en": (" ", ", ", "... "), "zh": ("，", "", "。")}
CONSENTING = {
    "en": (
        "yes", "y", "yep", "yeah", "Yup", "YES", "ok", "OK", "okay", "sure", "alright", "go ahead", "please do",
        "that is correct", "that's right", "sounds good", "of course", "I confirm", "yes, cancel it", "do it", "👍",
        "👍🏽", "absolutely", "no problem", "i agree", "by all means", "yes yes", "ok ok", "yeah sure", "okie dokie",
        "yessss", "Thats correct", "that's exactly right", "that sounds right to me", "you are right",
        "you're absolutely right",
        "yes that is what I want", "exactly what I wanted", "I'm sure", "yes I'm completely sure", "it is, yes",
        "definitely", "most certainly", "without a doubt", "affirmative", "correct, go ahead", "I agree with that",
        "you have my permission", "let's do it", "make it so", "yes, proceed with it", "you can do that",
        "I want you to do it", "yes to that", "the answer is yes", "works for me", "fine by me", "that's fine by me",
        "no objections", "yes indeed", "oh yes", "aye", "mhm", "true", "indeed it is", "cancel it, yes",
        "yes I want to cancel it", "yep, all good to go",
    ),
    "zh": (
        "是", "是的", "好", "好的", "好滴", "好嘞", "好呀", "行", "行的", "可以", "可以的", "嗯", "嗯嗯", "嗯嗯嗯",
        "对", "对的", "没错", "没问题", "确认", "确认取消", "同意", "当然", "取消吧，确认", "就这样吧", "办吧", "👍",
        "ok", "OK", "是的是的", "好的好的", "那必须的", "我同意", "我们同意", "我确定", "非常确定", "完全同意",
        "没错，就是这样",
        "就这么办", "按你说的办", "照您说的做", "说得对", "你说的没错", "完全正确", "信息无误", "当然可以", "当然要",
        "那是当然", "肯定的", "必须", "我没意见", "没有异议", "好的，请取消", "行，帮我取消吧", "是的，取消订单",
        "可以，办理吧",
        "嗯，可以", "嗯好的", "对对对", "行行行", "成", "妥妥的", "好的，继续", "请继续办理", "麻烦处理一下",
        "确实如此", "的确是这样",
        "听你的", "接受",
    ),
}  # fmt: skip
ENDINGS = {
    "en": ("", "!", ".", "!!", " please", ", thanks", ", thank you!", " 🙏"),
    "zh": ("", "！", "。", "~", "，谢谢", "，麻烦了", "，谢谢您！", "啦"),
}


def consents(language: str) -> list[str]:
    """Plain consents with courtesies; few ways of saying it are not in the grammar."""
    return [f"{yes}{end}" for yes, end in product(CONSENTING[language], ENDINGS[language])]


def no_consents(language: str) -> list[str]:
    """Hesitations, questions, conditions and partial consents, alone and around a consent."""
    others = (*CONDITIONS[language], *QUESTIONS[language], *HESITATIONS[language])
    found = list(others)
    for yes, other, join in product(AGREES[language], others, JOINS[language]):
        found += (f"{yes}{join}{other}", f"{other}{join}{yes}")
    return list(dict.fromkeys(found))
