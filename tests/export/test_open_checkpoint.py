"""Checkpoints are opened without running what came with them, or refused with a reason."""

import functools
import http.server
import json
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

from sentire.errors import SourceError
from sentire.export.checkpoint import default_length, open_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def copy(made, tmp_path):
    """A checkpoint that may be spoiled."""
    return Path(shutil.copytree(made["three"], tmp_path / "copy"))


def edit(path, **changes):
    content = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_checkpoint_tells_what_it_is(made):
    found = open_checkpoint(str(made["stars"]))
    assert found.names == ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
    assert found.longest == default_length(found) == 128, "not the 130 rows of its table"
    assert (found.licence, found.languages) == ("unknown", ())
    assert json.loads(found.tokenizer_json)["padding"]["pad_id"] == 1


def test_the_card_tells_licence_and_languages(copy):
    (copy / "README.md").write_text(
        "---\nlicense: mit\nlanguage: en\n---\n# Hi\n", encoding="utf-8"
    )
    found = open_checkpoint(str(copy))
    assert (found.licence, found.languages) == ("mit", ("en",))


def test_a_card_that_is_not_yaml_tells_nothing(copy):
    (copy / "README.md").write_text("---\nlicense: [\n---\n", encoding="utf-8")
    assert open_checkpoint(str(copy)).licence == "unknown"


def without_config(path):
    (path / "config.json").unlink()


def with_pickles(path):
    torch.save(load_file(path / "model.safetensors"), path / "pytorch_model.bin")
    (path / "model.safetensors").unlink()


def without_weights(path):
    (path / "model.safetensors").unlink()


def cut(path):
    data = (path / "model.safetensors").read_bytes()
    (path / "model.safetensors").write_bytes(data[: len(data) // 2])


def without_head(path):
    tensors = load_file(path / "model.safetensors")
    kept = {name: t for name, t in tensors.items() if not name.startswith("classifier")}
    save_file(kept, path / "model.safetensors", {"format": "pt"})


def with_code(path):
    (path / "evil.py").write_text("raise SystemExit('was run')", encoding="utf-8")
    names = {"AutoConfig": "evil.C", "AutoModelForSequenceClassification": "evil.M"}
    edit(path / "config.json", model_type="evil", auto_map=names)


def with_tokenizer_code(path):
    (path / "evil.py").write_text("raise SystemExit('was run')", encoding="utf-8")
    (path / "tokenizer.json").unlink()
    edit(
        path / "tokenizer_config.json",
        tokenizer_class="Evil",
        auto_map={"AutoTokenizer": ["evil.T", None]},
    )


def without_tokenizer(path):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (path / name).unlink()


def without_padding(path):
    edit(path / "tokenizer_config.json", pad_token=None)


def regression(path):
    edit(path / "config.json", problem_type="regression")


def several_labels(path):
    edit(path / "config.json", problem_type="multi_label_classification")


def a_bundle(path):
    (path / "bundle.json").write_text("{}", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_config, "no config.json"),
        (with_pickles, "only pytorch_model.bin, which can run code when read.*convert it once"),
        (without_weights, "no safetensors"),
        (cut, "can't be read as a classifier"),
        (without_head, "no weights for classifier.bias, classifier.weight.*sentire train"),
        (with_code, "code of its own, and sentire runs none"),
        (with_tokenizer_code, "no tokenizer"),
        (without_tokenizer, "no tokenizer"),
        (without_padding, "no padding token"),
        (regression, "tells regression"),
        (several_labels, "tells multi_label_classification"),
        (a_bundle, "sentire quantize"),
    ],
)
def test_what_can_t_be_used_is_refused(copy, spoil, message):
    spoil(copy)
    with pytest.raises(SourceError, match=message):
        open_checkpoint(str(copy))


@pytest.mark.parametrize("name", ["./nothing", "/no/such/folder", "a b", "a/b/c"])
def test_a_name_that_is_neither_folder_nor_on_the_hub_is_refused(name):
    with pytest.raises(SourceError, match="no such folder"):
        open_checkpoint(name)


class Hub(http.server.SimpleHTTPRequestHandler):
    """The two addresses of the Hub that fetching a repository needs, over a folder."""

    commit = "0123456789abcdef0123456789abcdef01234567"

    def do_GET(self):
        parts = self.path.split("?")[0].split("/")
        files = sorted(Path(self.directory).iterdir())
        if "tree" in parts:
            listed = [
                {"type": "file", "path": f.name, "size": f.stat().st_size, "oid": f.name}
                for f in files
            ]
            self.answer(json.dumps(listed).encode())
        elif "api" in parts:
            names = [{"rfilename": file.name} for file in files]
            about = {"id": "owner/name", "sha": self.commit, "siblings": names}
            self.answer(json.dumps(about).encode())
        else:
            data = (Path(self.directory) / parts[-1]).read_bytes()
            self.answer(data, body=self.command == "GET")

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def answer(self, data, *, body=True):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hash(data)}"')
        self.send_header("X-Repo-Commit", self.commit)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextmanager
def hub(folder):
    handler = functools.partial(Hub, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_a_checkpoint_on_a_hub_is_fetched_once_without_its_pickles(
    made, copy, tmp_path, monkeypatch
):
    (copy / "pytorch_model.bin").write_bytes(b"not fetched")
    fetch = huggingface_hub.snapshot_download
    with hub(copy) as url:
        monkeypatch.setattr(
            huggingface_hub,
            "snapshot_download",
            functools.partial(fetch, endpoint=url, cache_dir=tmp_path / "cache"),
        )
        found = open_checkpoint("owner/name")
    assert found.names == ("negative", "neutral", "positive")
    names = {file.name for file in (tmp_path / "cache").rglob("*")}
    assert "model.safetensors" in names
    assert "pytorch_model.bin" not in names


def test_a_hub_that_does_not_answer_is_said(tmp_path, monkeypatch):
    fetch = huggingface_hub.snapshot_download
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        functools.partial(fetch, endpoint="http://127.0.0.1:9", cache_dir=tmp_path, etag_timeout=1),
    )
    with pytest.raises(SourceError, match="can't be fetched from the Hub"):
        open_checkpoint("owner/name")
