"""The model inside the package, as a user meets it."""

import json
import re
from pathlib import Path

import pytest
from corpus import write_hostile
from process import run
from process import sentire as command

import sentire

N_ROWS = 2000


@pytest.fixture(scope="module")
def analyzer():
    with sentire.load() as loaded:
        yield loaded


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I absolutely love the new movie, it's fantastic!", "positive"),
        ("房间太小，服务态度也很差", "negative"),
        ("房間太小，服務態度也很差", "negative"),
        ("这个产品使用体验非常棒！", "positive"),
        ("This is not good.", "negative"),
        ("我很失望", "negative"),
        ("Can you tell me the opening hours?", "neutral"),
    ],
)
def test_plain_texts_get_their_label(analyzer, text, label):
    assert analyzer.analyze(text).label == label


def test_sentences_that_disagree_are_told(analyzer):
    text = "I love the camera, it's fantastic. The battery is terrible, a waste of money."
    prediction = analyzer.analyze(text, sentences=True)
    assert prediction.mixed
    assert [s.label for s in prediction.sentences] == ["positive", "negative"]
    assert text[prediction.sentences[1].start :].startswith("The battery")


@pytest.mark.parametrize(
    ("text", "mixed"),
    [
        ("房间很大，但是服务太差了。", True),
        ("The camera is superb. The battery barely lasts a morning.", True),
        ("The food was great but the service was slow.", True),
        ("相机非常棒，我很喜欢。电池太差了，非常失望。", True),
        ("这家店我很喜欢，味道很好，服务也热情。下次还来！", False),
        ("Broke after a day. Complete waste of money, avoid.", False),
        ("It is not only good but also cheap.", False),
    ],
)
def test_plain_disagreement_is_mixed_and_agreement_is_not(analyzer, text, mixed):
    assert analyzer.analyze(text, sentences=True).mixed is mixed


def test_the_page_s_examples_show_what_the_page_can_show(analyzer):
    page = Path(sentire.__file__).parent / "pages/static/index.html"
    texts = re.findall(r'class="example" lang="\w+">(.+?)</button>', page.read_text("utf-8"))
    answers = list(analyzer.analyze_many(texts, sentences=True))
    assert [(answer.mixed, answer.label) for answer in answers] == [
        (True, "negative"),
        (False, "positive"),
        (True, "positive"),
        (False, "neutral"),
    ]


def test_a_bad_day_s_rows_all_come_out_in_order_within_memory(tmp_path):
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_hostile(source, N_ROWS)
    cost = run(command("analyze", "-i", str(source), "-o", str(output)))
    records = [json.loads(line) for line in output.read_bytes().splitlines()]
    assert cost.exit_code == 3
    assert cost.peak_mb < 600
    assert len(records) == N_ROWS
    for number, record in enumerate(records):
        if record.get("error", {}).get("code") != "broken_row":
            assert record["input"]["id"] == number
    codes = {record["error"]["code"] for record in records if "error" in record}
    assert codes == {"empty_text", "broken_row"}
    longest = max(records, key=lambda record: len(record["text"]))
    assert longest["coverage"]["windows"] > 50
    assert not longest["coverage"]["truncated"]
