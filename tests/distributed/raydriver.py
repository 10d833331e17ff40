"""A Ray cluster of this machine alone, driven by lines of JSON on standard input.

Run as a program by ``raycluster.py``; its end of file is the cluster's end.
"""

import json
import os
import sys

import ray
from ray import serve

from sentire.distributed.serve import build

TRIES = 5
"""Ray gives a node 30 s to start, which a machine that is busy with other things may exceed."""


def start(folder: str, port: int) -> None:
    for tried in range(1, TRIES + 1):
        try:
            start_ray(folder)
            break
        except Exception:
            ray.shutdown()
            if tried == TRIES:
                raise
    serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})


def start_ray(folder: str) -> None:
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        object_store_memory=100_000_000,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
    )


def running(name: str) -> int:
    """Count the replicas that Serve calls running."""
    [deployment] = serve.status().applications[name].deployments.values()
    return deployment.replica_states.get("RUNNING", 0)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    start(sys.argv[1], int(sys.argv[2]))
    print(json.dumps("started"), file=answers)
    for line in sys.stdin:
        match json.loads(line):
            case ["run", name, prefix, arguments]:
                serve.run(build(arguments), name=name, route_prefix=prefix)
                said = "runs"
            case ["running", name]:
                said = running(name)
            case ["delete", name]:
                serve.delete(name)
                said = "deleted"
        print(json.dumps(said), file=answers)
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
