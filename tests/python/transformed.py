"""Checks parts of the transformed template that no emulator runs: versions, aliases, the workflow's move to a new one.

It runs SAM's own transform, like CloudFormation. Run by `cargo xtask verify`, or:
target/tools/python/bin/python tests/python/transformed.py
"""

import json
import unittest
from pathlib import Path

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = ("ReceiveWebhookFunction", "ApprovalPageFunction", "SweepFunction", "TryModelsFunction")


def transform():
    template = yaml_parse((ROOT / "infra/template.yaml").read_text(encoding="utf-8"))
    # Like `sam package`: the transform accepts only places in S3.
    places = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::StateMachine": "DefinitionUri"}
    for resource in template["Resources"].values():
        if resource["Type"] in places:
            resource["Properties"][places[resource["Type"]]] = "s3://bucket/key"
    values = {name: str(parameter.get("Default", "")) for name, parameter in template["Parameters"].items()}
    session = boto3.Session(region_name="eu-central-1")
    return Translator({}, Parser(), boto_session=session).translate(template, parameter_values=values)


class TransformedTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.resources = transform()["Resources"]

    def of_type(self, kind):
        return {name: resource for name, resource in self.resources.items() if resource["Type"] == kind}

    def test_each_function_has_a_version_that_is_kept_and_the_alias(self):
        functions = self.of_type("AWS::Lambda::Function")
        versions, aliases = self.of_type("AWS::Lambda::Version"), self.of_type("AWS::Lambda::Alias")
        self.assertGreaterEqual(len(functions), 19)
        self.assertEqual(len(versions), len(functions))
        for name in sorted(functions):
            with self.subTest(name):
                own = [key for key, version in versions.items() if version["Properties"]["FunctionName"] == {"Ref": name}]
                self.assertEqual(len(own), 1)
                self.assertEqual(versions[own[0]]["DeletionPolicy"], "Retain", "reviews in flight call it")
                alias = aliases[f"{name}Aliaslive"]["Properties"]
                self.assertEqual(alias["FunctionVersion"], {"Fn::GetAtt": [own[0], "Version"]})

    def test_the_workflow_names_versions_of_functions(self):
        (machine,) = self.of_type("AWS::StepFunctions::StateMachine").values()
        named = machine["Properties"]["DefinitionSubstitutions"]
        functions = set(self.of_type("AWS::Lambda::Function")) - set(OUTSIDE)
        self.assertEqual(set(named), functions)
        versions = self.of_type("AWS::Lambda::Version")
        for name in sorted(named):
            with self.subTest(name):
                version = versions[named[name]["Ref"]]
                self.assertEqual(version["Properties"]["FunctionName"], {"Ref": name})

    def test_the_workflow_moves_to_a_new_version_in_two_steps_and_back_on_an_alarm(self):
        (version,) = self.of_type("AWS::StepFunctions::StateMachineVersion").values()
        (alias,) = self.of_type("AWS::StepFunctions::StateMachineAlias").values()
        self.assertEqual(version["UpdateReplacePolicy"], "Retain", "reviews in flight run on it")
        alias = alias["Properties"]
        self.assertEqual(alias["Name"], "live")
        preference = alias["DeploymentPreference"]
        self.assertEqual(preference["Type"], "CANARY")
        self.assertEqual((preference["Percentage"], preference["Interval"]), ({"Ref": "CanaryPercent"}, {"Ref": "CanaryMinutes"}))
        alarms = [alarm["Ref"] for alarm in preference["Alarms"]]
        self.assertTrue(alarms and set(alarms) <= set(self.of_type("AWS::CloudWatch::Alarm")), alarms)

    def test_http_calls_go_to_the_alias(self):
        for name, integration in sorted(self.of_type("AWS::ApiGatewayV2::Integration").items()):
            with self.subTest(name):
                self.assertRegex(json.dumps(integration["Properties"]["IntegrationUri"]), r"FunctionAliaslive\"")


if __name__ == "__main__":
    unittest.main()
