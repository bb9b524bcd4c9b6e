"""Creates a state machine on the server of the example `serve`, runs it, and prints its output and history."""

import json
import sys
import time
import uuid

import boto3

client = boto3.client(
    "stepfunctions",
    endpoint_url=sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8083",
    region_name="us-east-1",
    aws_access_key_id="any",
    aws_secret_access_key="any",
)
definition = {
    "QueryLanguage": "JSONata",
    "StartAt": "Greet",
    "States": {
        "Greet": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "greet", "Payload": "{% $states.input %}"},
            "Output": "{% $states.result.Payload.greeting %}",
            "End": True,
        }
    },
}
machine = client.create_state_machine(
    name="greet", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/any"
)["stateMachineArn"]
execution = client.start_execution(
    stateMachineArn=machine, name=str(uuid.uuid4()), input=json.dumps({"name": "Ada"})
)["executionArn"]
while (found := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
    time.sleep(0.1)
print(found["status"], found.get("output"))
for page in client.get_paginator("get_execution_history").paginate(executionArn=execution, maxResults=2):
    for event in page["events"]:
        print(event["id"], event["type"])
