"""Ask a running server, as any program in any language can.

Needs a running server, `sentire serve`, and `pip install requests`; no sentire where it runs.

python call_server.py http://127.0.0.1:8080
"""

import sys

import requests


def main(url: str) -> None:
    """Score one text, then several."""
    result = requests.post(url + "/analyze", json={"text": "这个产品使用体验非常棒！"}, timeout=30)
    result.raise_for_status()
    answer = result.json()
    print(answer["text"], answer["label"], answer["score"])

    texts = ["Great room, rude staff.", "", "还行"]
    result = requests.post(url + "/analyze", json={"texts": texts}, timeout=30)
    for text, answer in zip(texts, result.json()["predictions"], strict=True):
        print(repr(text), answer["error"]["code"] if "error" in answer else answer["label"])


if __name__ == "__main__":
    main(*sys.argv[1:])
