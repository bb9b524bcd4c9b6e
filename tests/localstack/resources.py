"""Creates the resources of the workflow's functions in a LocalStack:

  resources.py PROGRAMS SETTINGS   PROGRAMS: the folder of the functions' programs; SETTINGS: a JSON object of each function's
                               environment. Prints {"topic": ARN of the topic that alarms go to}

A function's package holds one line that starts its program: nothing is copied. The endpoint and the credentials come from
the environment. Run by tests/two_engines.
"""

import io
import json
import stat
import sys
import zipfile

import boto3

BUCKET = "holdfast-artifacts"
TABLE = "holdfast"
ROLE = "arn:aws:iam::000000000000:role/any"
SENDER = "holdfast@example.org"


def package(program):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(entry, f"#!/bin/sh\nexec '{program}'\n")
    return held.getvalue()


def main(programs, settings):
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    boto3.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    boto3.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    topic = boto3.client("sns").create_topic(Name="holdfast-alarms")["TopicArn"]
    functions = boto3.client("lambda")
    for name, environment in settings.items():
        functions.create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=ROLE,
            Timeout=60,
            Code={"ZipFile": package(f"{programs}/{name}")},
            Environment={"Variables": environment | {"HOLDFAST_TOPIC_ARN": topic}},
        )
    for name in settings:
        functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    return {"topic": topic}


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))))
