"""The manifests for a cluster: Kubernetes's fields, and commands that the scripts take."""

import json
import os
import subprocess

import pytest
import yaml
from command import ROOT, command


def items_of(name):
    found = []
    for document in yaml.safe_load_all((ROOT / "cluster" / name).read_text()):
        found += document["items"] if document["kind"] == "List" else [document]
    return {(item["kind"], item["metadata"]["name"]): item for item in found}


def run_in_shell(job, index=None):
    """What a pod's shell would start: its words and its environment."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    shell, flag, line = container["command"]
    assert line.count("exec python ") == 1
    environment = {entry["name"]: entry["value"] for entry in container["env"]} if "env" in container else {}
    if index is not None:
        environment["JOB_COMPLETION_INDEX"] = str(index)
    line = line.replace("exec python ", "env; echo ---; exec printf '%s\\n' ")
    done = subprocess.run([shell, flag, line], env={"PATH": os.environ["PATH"], **environment},
                          capture_output=True, text=True, check=True)  # fmt: skip
    environment, words = done.stdout.split("---\n")
    return dict(entry.split("=", 1) for entry in environment.splitlines()), words.splitlines()


def test_a_search_has_a_chief_and_workers_that_find_it():

    items = items_of("search.yaml")
    service = items["Service", "search-chief"]
    chief, workers = items["Job", "search-chief"], items["Job", "search-workers"]
    environment, words = run_in_shell(chief)
    assert environment["KERASTUNER_TUNER_ID"] == "chief"
    asked, same = run_in_shell(workers, index=3)
    assert asked["KERASTUNER_TUNER_ID"] == "worker-3" and same == words
    assert asked["KERASTUNER_ORACLE_IP"] == service["metadata"]["name"]
    assert (
        asked["KERASTUNER_ORACLE_PORT"]
        == environment["KERASTUNER_ORACLE_PORT"]
        == str(service["spec"]["ports"][0]["port"])
    )
    assert service["spec"]["selector"] == {"job-name": chief["metadata"]["name"]}
    assert workers["spec"]["completionMode"] == "Indexed", "or a pod that comes back would lose its trial"
    args = command("search").parser().parse_args(words[1:])
    assert words[0] == "scripts/search.py" and str(args.runs) == "/shared/runs"
    assert all((ROOT / teacher / "model.keras").exists() for teacher in args.teacher)


@pytest.mark.parametrize("index", [0, 3])
def test_hosts_of_one_student_are_named_in_tf_config(index):
    items = items_of("distill.yaml")
    service, job = items["Service", "distill"], items["Job", "distill"]
    environment, words = run_in_shell(job, index)
    cluster = json.loads(environment["TF_CONFIG"])
    name, subdomain = job["metadata"]["name"], job["spec"]["template"]["spec"]["subdomain"]
    port = service["spec"]["ports"][0]["port"]
    assert subdomain == service["metadata"]["name"] and service["spec"]["clusterIP"] == "None"
    expected = [f"{name}-{host}.{subdomain}:{port}" for host in range(job["spec"]["completions"])]
    assert cluster == {"cluster": {"worker": expected}, "task": {"type": "worker", "index": index}}
    args = command("distill").parser().parse_args(words[1:])
    assert args.resume and args.batch_size == 512
    assert all((ROOT / teacher / "model.keras").exists() for teacher in args.teacher)
