"""Texts to measure with: Chinese and English, as long as reviews, chats and posts are.

The sentences are ours, so the benchmark runs anywhere; lengths are log-normal around those of
public review and tweet sets (a mean near 38 tokens, a tail of several hundred).
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

CHINESE = (
    "这家酒店的位置很好，出门就是地铁站。",
    "房间太小，服务态度也很差。",
    "物流很快，第二天就收到了，包装完好。",
    "用了两天屏幕就坏了，客服一直不理人！",
    "味道一般，价格倒是不便宜。",
    "早餐种类丰富，孩子特别喜欢。",
    "说明书写得不清楚，安装花了半天。",
    "性价比很高，推荐购买。",
    "等了一个小时才上菜，再也不会来了。",
    "外观漂亮，但是电池不耐用。",
    "会议改到周三下午两点。",
    "总体来说还可以，没有想象中那么好。",
)
ENGLISH = (
    "I absolutely love this phone, the camera is stunning.",
    "The delivery took three weeks and nobody answered my mails.",
    "It's okay for the price, nothing special though.",
    "Worst customer service I've ever dealt with!",
    "The story drags in the middle, but the ending makes up for it.",
    "Battery life is great and it charges in under an hour.",
    "My flight leaves at nine from terminal two.",
    "Not bad at all, I would buy it again.",
    "The fabric feels cheap and the seams came apart after one wash.",
    "Friendly staff, clean rooms, and a wonderful view of the harbour.",
    "I wanted to like it, yet every chapter disappointed me more.",
    "Set-up was easy and it has worked without a hitch since.",
)
HOSTILE = (
    "",
    "   ",
    "\u200b\u200d",
    "😂😂👍🏽❤️",
    "Ce restaurant est vraiment excellent, nous reviendrons.",
    "Это худшая покупка в моей жизни.",
    "このホテルは最高でした。",
    "مرحبا بالعالم",
    "<b>&lt;great&gt;</b> &amp; 很好",
    "a" * 300,
    "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
    "1234567890",
)


def texts(n: int, *, seed: int = 7) -> Iterator[str]:
    """``n`` different texts, half Chinese and half English, always the same."""
    generator = np.random.default_rng(seed)
    for number in range(n):
        pool, blank = (CHINESE, "") if number % 2 else (ENGLISH, " ")
        n_sentences = max(1, round(generator.lognormal(0.85, 0.75)))
        chosen = generator.integers(0, len(pool), n_sentences)
        yield blank.join(pool[i] for i in chosen) + f"{blank}{number}"


def hostile_rows(n: int, *, seed: int = 7) -> Iterator[bytes]:
    """``n`` lines of JSON Lines as bad days bring them.

    One in ten is empty, emoji, another language, a duplicate and the like; one in a thousand is not
    UTF-8, and one in two thousand has 50,000 characters.
    """
    for number, ordinary in enumerate(texts(n, seed=seed)):
        text = ordinary
        if number % 1000 == 500:
            yield b'{"id": %d, "text": "caf\xe9 \xff"}\n' % number
            continue
        if number % 2000 == 1000:
            text = (CHINESE[1] + ENGLISH[0]) * (50_000 // len(CHINESE[1] + ENGLISH[0]))
        elif number % 10 == 3:
            text = HOSTILE[number // 10 % len(HOSTILE)]
        elif number % 10 == 7:
            text = "This exact text comes again and again. 一模一样的评论。"
        yield json.dumps({"id": number, "text": text}, ensure_ascii=False).encode() + b"\n"


def write_texts(path: Path, n: int) -> None:
    """A JSON Lines file of ordinary texts."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts(n))


def write_hostile(path: Path, n: int) -> None:
    """A JSON Lines file of hostile rows."""
    with path.open("wb") as file:
        file.writelines(hostile_rows(n))
