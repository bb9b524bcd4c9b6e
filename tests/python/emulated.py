"""The deployment test's commands on AWS's emulator. Each prints one JSON document:

  adapt TEMPLATE             removes the parts that the emulator lacks from the built template, in place; prints their names
  definition STACK           prints the stack's workflow definition with the functions' ARNs
  put STACK NAME KEY VALUE   puts an entry into a secret of the stack, by its name in the template
  secret STACK NAME          prints a secret
  mails                      prints every mail that SES got
  may-read STACK ROLE NAME   prints whether a function's role may read a secret; both by their names in the template
  environment STACK          prints the stack's outputs and the HTTP API's id

The endpoint and the credentials come from the environment. Run by tests/deployment.
"""

import json
import os
import re
import sys
import urllib.request
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from samcli.yamlhelper import yaml_dump, yaml_parse

HTTPS_ONLY = ("GithubUrl", "ModelUrl", "PublicUrl")


def adapt(path):
    template = yaml_parse(Path(path).read_text(encoding="utf-8"))
    done = []
    for name in HTTPS_ONLY:
        parameter = template["Parameters"][name]
        parameter["AllowedPattern"] = parameter["AllowedPattern"].replace("https://", "https?://")
        done.append(f"{name} may be http: the stand-ins on loopback have no certificates")
    machine = template["Resources"]["ReviewMachine"]["Properties"]
    for name in ("AutoPublishAlias", "DeploymentPreference"):
        del machine[name]
        done.append(f"ReviewMachine has no {name}: the emulator refuses it; the test of the transformed template has it")
    del template["Resources"]["ArtifactsPolicy"]
    done.append("ArtifactsPolicy is left out: it denies connections without TLS, and loopback has no TLS")
    template["Globals"]["Function"]["Environment"]["Variables"]["HOLDFAST_SECRETS_MAX_AGE_S"] = "2"
    done.append("functions read secrets again after two seconds: the test adds some while they run")
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::IAM::Role":
            resource["Properties"]["Policies"] = as_named(resource["Properties"].get("Policies", []))
    done.append("roles name secrets by ARN: the emulator's Ref of a secret is its name")
    done.append("ses:SendEmail is allowed for *: the emulator sees no identity in a request to SES")
    Path(path).write_text(yaml_dump(template), encoding="utf-8")
    return done


def as_named(value):
    """Returns a value with its resources named as in the emulator's requests."""
    if isinstance(value, list):
        return [as_named(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("Action") == "ses:SendEmail":
        return {"Effect": value["Effect"], "Action": value["Action"], "Resource": "*"}
    if str(value.get("Ref", "")).endswith("Secret"):
        arn = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${%s}*"
        return {"Fn::Sub": arn % value["Ref"]}
    return {key: as_named(inner) for key, inner in value.items()}


def resource(stack, name):
    found = boto3.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=name)
    return found["StackResourceDetail"]["PhysicalResourceId"]


def definition(stack):
    machine = boto3.client("stepfunctions").describe_state_machine(stateMachineArn=resource(stack, "ReviewMachine"))
    return {name: machine[name] for name in ("name", "roleArn", "definition", "stateMachineArn")}


def secret(stack, name):
    found = boto3.client("secretsmanager").get_secret_value(SecretId=resource(stack, name))
    return json.loads(found["SecretString"])


def put(stack, name, key, value):
    held = secret(stack, name) | {key: value}
    boto3.client("secretsmanager").put_secret_value(SecretId=resource(stack, name), SecretString=json.dumps(held))
    return sorted(held)


def mails():
    url = f"{os.environ['AWS_ENDPOINT_URL']}/_ministack/ses/messages"
    with urllib.request.urlopen(url) as answer:  # noqa: S310
        return json.load(answer)


def may_read(stack, role, name):
    role = boto3.client("iam").get_role(RoleName=resource(stack, role))["Role"]["Arn"]
    given = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    client = boto3.client(
        "secretsmanager",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    try:
        client.get_secret_value(SecretId=resource(stack, name))
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True


def environment(stack):
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found}
    return outputs | {"Api": re.match(r"https://([^.]+)\.", outputs["WebhookUrl"]).group(1)}


COMMANDS = {
    "adapt": adapt,
    "definition": definition,
    "put": put,
    "secret": secret,
    "mails": mails,
    "may-read": may_read,
    "environment": environment,
}

if __name__ == "__main__":
    command, *arguments = sys.argv[1:] or [""]
    if command not in COMMANDS:
        sys.exit(__doc__)
    print(json.dumps(COMMANDS[command](*arguments)))
