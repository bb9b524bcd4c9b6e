"""Changes LocalStack when it starts. JSONata is evaluated in Python. Objects of S3 are in this process's folder for
temporary files, not in a shared one. The events of a distributed map's children, which LocalStack discards, are written
to the file EXECUTION.jsonl of each child in the folder HOLDFAST_CHILDREN, one event a line."""

import json
import os
import tempfile
import threading
from pathlib import Path

import jsonata
from localstack.runtime import hooks
from localstack.services.s3 import provider as objects
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.itemprocessor.distributed_item_processor_worker import (  # noqa: E501
    DistributedItemProcessorWorker,
)
from localstack.services.stepfunctions.asl.eval.event.event_manager import EventManager
from localstack.services.stepfunctions.asl.jsonata import jsonata as theirs

LOCK = threading.Lock()


def evaluated(expression):
    try:
        value = jsonata.Jsonata(expression).evaluate(None)
        # A value that JSON can't express, such as a function, counts as missing.
        return json.loads(json.dumps(value, default=lambda _: None))
    except Exception as error:
        raise theirs.JSONataException("UNKNOWN", str(error)) from error


def keeping(evaluate, folder):
    def evaluate_job(worker, env, job):
        env.event_manager = EventManager()
        evaluate(worker, env, job)
        execution = env.states.context_object.context_object_data["Execution"]["Name"]
        child = {"item": job.job_input, "events": env.event_manager.get_event_history()}
        with LOCK, (folder / f"{execution}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(child, default=str) + "\n")

    return evaluate_job


@hooks.on_infra_start(name="lsnative_patch")
def apply():
    theirs._eval_jsonata = evaluated
    objects.DEFAULT_S3_TMP_DIR = os.path.join(tempfile.gettempdir(), "objects")
    evaluate = DistributedItemProcessorWorker._eval_job
    DistributedItemProcessorWorker._eval_job = keeping(evaluate, Path(os.environ["HOLDFAST_CHILDREN"]))
