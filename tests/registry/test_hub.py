"""Pulling from the Hub: its own client, against a server that answers as the Hub does."""

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from sentire.bundle.store import read_bundle

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

COMMIT = "a" * 40


@contextmanager
def hub(repositories):
    """Serve folders as repositories ``ORG/NAME``; gives the endpoint and the paths asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            path = unquote(urlsplit(self.path).path)
            asked.append(path)
            api = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/main(/.*)?)?", path)
            file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/main/(.+)", path)
            match = api or file
            folder = repositories.get(match[1]) if match else None
            if folder is None:
                self.reply(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            elif file:
                self.send_file(folder / file[2])
            elif api[2] == "tree":
                top = folder / (api[3] or "/")[1:]
                self.reply(200, json.dumps([entry(f, folder) for f in top.iterdir()]).encode())
            else:
                info = {"id": api[1], "sha": COMMIT, "siblings": [], "tags": [], "private": False}
                self.reply(200, json.dumps(info).encode())

        def send_file(self, path):
            if not path.is_file():
                self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            data = path.read_bytes()
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)?", self.headers.get("Range", ""))
            if wanted:
                data = data[int(wanted[1]) : int(wanted[2] or len(data)) + 1]
            self.reply(206 if wanted else 200, data, {"ETag": '"0"', "X-Repo-Commit": COMMIT})

        def reply(self, status, data, headers=None):
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def entry(path, top):
    where = {"path": path.relative_to(top).as_posix(), "oid": "b" * 40}
    if path.is_dir():
        return {**where, "type": "directory"}
    return {**where, "type": "file", "size": path.stat().st_size}


def models(endpoint, folder, *words):
    return subprocess.run(
        [Path(sys.executable).with_name("sentire"), "models", *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "hf")},
        timeout=120,
    )


def test_a_bundle_is_pulled_and_what_is_none_is_refused(made, tmp_path):
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "config.json").write_text("{}")
    repositories = {"org/tiny": made / "2.0.0", "org/bert": tmp_path / "checkpoint"}
    with hub(repositories) as (endpoint, asked):
        pulled = models(endpoint, tmp_path, "pull", "hf://org/tiny", "-o", "out")
        assert pulled.returncode == 0, pulled.stderr
        assert read_bundle(tmp_path / "out").info == read_bundle(made / "2.0.0").info
        for repository in ("org/bert", "org/nothing"):
            refused = models(endpoint, tmp_path, "pull", f"hf://{repository}")
            assert refused.returncode == 2, refused.stderr
            assert "no repository with a sentire bundle" in refused.stderr
    assert any(path.endswith("weights.bin") for path in asked)
