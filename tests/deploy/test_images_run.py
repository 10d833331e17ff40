"""How the containers behave: hardened, limited, told to stop, asked whether they are well."""

import subprocess
import threading

import httpx
import pytest
from engine import HARDENED, answers, free_port, open_engine

from objectstore import environment, object_store
from sentire.bundle.builtin import find_bundle
from sentire.bundle.store import read_bundle
from sentire.registry.aliases import promote
from sentire.registry.references import open_registry
from sentire.registry.upload import push

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

CHINESE, ENGLISH = "这个产品使用体验非常棒！", "The room was dirty and the staff were rude."
LIMITED = ("--memory=512m", "--memory-swap=512m")
# On a machine that is busy with other things a large request takes its time.
PATIENT = ("--env=SENTIRE_LIMITS_REQUEST_S=300", "--env=SENTIRE_SERVER_SHUTDOWN_S=120")


@pytest.fixture
def serving(images):
    """Runs a target with options and its own words, open to whoever reaches it."""

    def run(target, *options, words=(), **how):
        given = ("--env", "SENTIRE_SERVER_OPEN=true", *options, images.names[target], *words)
        return images.engine.serving(*given, **how)

    return run


def check_answers(container, path="/predict"):
    chinese, english = container.ask(CHINESE, ENGLISH, path=path)
    assert (chinese["label"], chinese["language"]["code"]) == ("positive", "zh")
    assert (english["label"], english["language"]["code"]) == ("negative", "en")
    digest = read_bundle(find_bundle()).info.digest
    assert {chinese["model"]["digest"], english["model"]["digest"]} == {digest}


@pytest.mark.parametrize(("target", "path"), [("model", "/predict"), ("all", "/analyze")])
def test_any_user_on_a_disk_that_none_may_write_is_answered(serving, target, path):
    with serving(target, *HARDENED, *LIMITED) as container:
        check_answers(container, path)


def test_the_memory_limit_holds_under_load(serving):
    short = [f"{CHINESE} {number}" for number in range(500)]
    with serving("model", *HARDENED, *LIMITED, *PATIENT) as container:
        senders = [
            threading.Thread(target=container.ask, args=[f"{sender} {text}" for text in short])
            for sender in range(4)
        ]
        for sender in senders:
            sender.start()
        [long] = container.ask("The food was good. " * 4000)
        for sender in senders:
            sender.join()
        assert long["coverage"]["windows"] > 100
        check_answers(container)
        assert not container.state()["OOMKilled"]


def test_the_image_runs_from_a_registry_by_its_digest(images):
    engine, pinned = images.engine, images.pinned("model")
    seen = engine(
        *("inspect", "--format", "{{.Digest}}", "--tls-verify=false"),
        f"docker://{images.names['model']}",
        program="skopeo",
    )
    assert seen.strip() == images.digests["model"]
    # A storage that has never seen it.
    with open_engine() as elsewhere:
        elsewhere("pull", "--tls-verify=false", pinned)
        with elsewhere.serving(*HARDENED, pinned, "serve-model", "--open") as container:
            check_answers(container)
            image = elsewhere("inspect", "--format", "{{.ImageDigest}}", container.name)
            assert image.strip() == images.digests["model"]


def test_it_refuses_to_let_everybody_in_unless_told_so(images):
    for target in images.names:
        done = images.engine.once(images.names[target])
        assert done.exit_code == 2
        assert "there are no keys" in done.said


def test_with_a_file_of_keys_it_asks_for_one(images, tmp_path):
    made = images.engine.once(
        *("--volume", f"{tmp_path}:/keys", "--user", "0", images.names["model"]),
        *("keys", "/keys/keys.txt", "--add", "shop"),
    )
    [key] = [word for word in made.said.split() if word.startswith("sentire_")]
    (tmp_path / "keys.txt").chmod(0o644)
    tmp_path.chmod(0o755)
    options = (*HARDENED, "--volume", f"{tmp_path}:/keys:ro")
    keys = ("--env", "SENTIRE_KEYS_FILE=/keys/keys.txt")
    with images.engine.serving(*options, *keys, images.names["model"]) as container:
        ask = {"url": f"{container.url}/predict", "json": {"text": ENGLISH}, "timeout": 30}
        assert httpx.post(**ask).status_code == 401
        assert httpx.post(**ask, headers={"X-API-Key": key}).status_code == 200


@pytest.mark.parametrize("target", ["model", "all"])
def test_sigterm_ends_it_in_good_order(serving, target):
    with serving(target, *HARDENED) as container:
        done = container.stop()
    assert done.exit_code == 0, done.said
    assert "Traceback" not in done.said


def test_requests_that_run_are_finished_before_it_ends(serving):
    texts = [f"{'The food was good. ' * 40}{number}" for number in range(150)]
    answered = []
    with serving("model", *HARDENED, *PATIENT) as container:
        asking = threading.Thread(target=lambda: answered.extend(container.ask(*texts)))
        asking.start()
        while not waiting(metrics(container)):
            assert asking.is_alive()
        done = container.stop()
        asking.join()
    assert done.exit_code == 0, done.said
    assert len(answered) == len(texts)


def metrics(container):
    return httpx.get(f"{container.url}/metrics", timeout=30).text


def waiting(found):
    lines = [line for line in found.splitlines() if line.startswith("sentire_queue_pieces{")]
    return any(float(line.split()[-1]) > 0 for line in lines)


def test_several_workers_need_no_more_than_a_folder_for_temporary_files(serving):
    several = ("--env", "SENTIRE_SERVER_WORKERS=2", "--tmpfs", "/tmp:mode=1777")
    with serving("model", *HARDENED, *several) as container:
        check_answers(container)
        assert container.stop().exit_code == 0


def test_the_health_check_tells_a_server_that_is_ready(serving, images):
    with serving("model", *HARDENED) as container:
        assert healthy(images.engine, container)
    nobody = f"SENTIRE_REMOTE_URLS=http://127.0.0.1:{free_port()}"
    with serving("gateway", *HARDENED, "--env", nobody, ready=False) as container:
        assert not healthy(images.engine, container)


def healthy(engine, container):
    words = ["podman", "healthcheck", "run", container.name]
    done = subprocess.run(words, check=False, capture_output=True, env=engine.environment)
    return done.returncode == 0


def test_it_needs_no_shell(serving, images, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    hidden = [f"--volume={empty}:/usr/bin/{shell}:ro" for shell in ("dash", "bash")]
    with serving("model", *HARDENED, *hidden) as container:
        check_answers(container)
        assert healthy(images.engine, container)
        done = subprocess.run(
            ["podman", "exec", container.name, "sh", "-c", "true"],
            check=False,
            capture_output=True,
            env=images.engine.environment,
        )
        assert done.returncode != 0


def test_a_gateway_serves_in_front_of_a_model_service(serving):
    with serving("model", *HARDENED) as service:
        remote = f"SENTIRE_REMOTE_URLS={service.url}"
        with serving("gateway", *HARDENED, "--memory=256m", "--env", remote) as gateway:
            check_answers(gateway, "/analyze")
            assert "text/html" in httpx.get(gateway.url).headers["content-type"]
            assert gateway.stop().exit_code == 0


def test_containers_find_each_other_by_name(images):
    """The gateway asks ``model:5000`` where nothing else is said; only its port is published."""
    engine, port = images.engine, free_port()
    network, open_to_all = "sentire-test", ("--env", "SENTIRE_SERVER_OPEN=true")
    common = ("run", "--detach", "--network", network, *HARDENED, *open_to_all)
    try:
        engine("network", "create", "--internal", "sentire-inner")
        engine("network", "create", network)
        engine(*common, "--name", "model", images.names["model"])
        published = ("--publish", f"127.0.0.1:{port}:8080")
        engine(*common, "--name", "gateway", *published, images.names["gateway"])
        while not answers(f"http://127.0.0.1:{port}/health/ready"):
            assert engine.state("gateway")["Status"] == "running", engine.logs("gateway")
        answer = httpx.post(f"http://127.0.0.1:{port}/analyze", json={"text": CHINESE}, timeout=30)
        assert answer.json()["label"] == "positive"
    finally:
        engine("rm", "--force", "gateway", "model", ok=False)
        engine("network", "rm", network, "sentire-inner", ok=False)


def test_a_container_reads_a_registry_on_s3(images):
    with object_store() as variables, environment(variables):
        with open_registry("s3://bucket/models") as registry:
            version = push(registry, find_bundle()).info.version
            promote(registry, "zh-en", version, "production")
        given = [f"--env={name}={value}" for name, value in variables.items()]
        source = ("serve-model", "--open", "--model", "s3://bucket/models/zh-en@production")
        options = (*HARDENED, "--tmpfs", "/tmp:mode=1777", *given)
        with images.engine.serving(*options, images.names["model"], *source) as container:
            check_answers(container)
