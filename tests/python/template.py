"""Checks infra/template.yaml against the repository: functions, roles, the workflow's names and times. It deploys nothing.

Run by `cargo xtask verify`, or: target/tools/python/bin/python tests/python/template.py
"""

import json
import re
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# The functions outside of the workflow.
OUTSIDE = ("receive-webhook", "approval-page", "sweep", "try-models")
# The adapters of a function's main, with the prefixes of the actions that they need.
PORTS = {
    "store": ("s3:",),
    "rows": ("dynamodb:",),
    "runs": ("states:",),
    "runs_by_alias": ("states:",),
    "notify": ("ses:", "sns:"),
    "model": ("bedrock:", "dynamodb:", "sns:"),
    "publish": ("dynamodb:",),
}
# The actions of the setup itself, and of Lambda for the function.
BESIDES_PORTS = ("secretsmanager:", "sqs:")
# The places that main names, by their variables.
PLACES = {
    "BUCKET": "HOLDFAST_BUCKET",
    "TABLE": "HOLDFAST_TABLE",
    "TOPIC": "HOLDFAST_TOPIC_ARN",
    "STATE_MACHINE": "HOLDFAST_STATE_MACHINE_ARN",
    "ALIAS": "HOLDFAST_STATE_MACHINE_ALIAS",
}
READ_GITHUB, READ_MODEL = "GithubSecret", "ModelSecret"
# The seconds that a state leaves its function to start and to report.
MARGIN_S = 10
# The maximum number of characters of a numeric parameter, and of a version's number.
NUMBER_CHARS = 6
# Lambda's longest description of a version.
DESCRIPTION_CHARS = 256


class Tag(dict):
    """An intrinsic function: its name and its argument."""


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def read_tag(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return Tag({suffix: value})


Loader.add_multi_constructor("!", read_tag)


def read_yaml(path):
    return yaml.load((ROOT / path).read_text(encoding="utf-8"), Loader)


def pascal(name):
    return "".join(part.capitalize() for part in name.split("-"))


def several(value):
    return value if isinstance(value, list) else [value]


def parameters_in(value, names):
    """Returns the parameters among names that a value refers to."""
    if isinstance(value, Tag):
        (kind, inner), = value.items()
        if kind == "Ref":
            return {inner} & names
        if kind == "Sub" and isinstance(inner, str):
            return set(re.findall(r"\$\{(\w+)\}", inner)) & names
        return parameters_in(inner, names)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return set().union(*(parameters_in(item, names) for item in value))
    return set()


def versions_in(value):
    """Returns the functions whose versions a value refers to."""
    return re.findall(r"(\w+Function)\.Version", json.dumps(value))


def longest(value, declared):
    """Returns the maximum number of characters of a VersionDescription; `declared` are the template's parameters."""
    if not isinstance(value, Tag):
        return len(value)
    (kind, inner), = value.items()
    if kind == "Ref":
        return declared[inner].get("MaxLength", NUMBER_CHARS)
    if kind == "Sub":
        names = re.findall(r"\$\{(\w+)\}", inner)
        return len(re.sub(r"\$\{\w+\}", "", inner)) + sum(longest(Tag(Ref=name), declared) for name in names)
    if kind == "If":
        return max(longest(part, declared) for part in inner[1:])
    if kind == "Select" and versions_in(inner):
        return NUMBER_CHARS
    separator, parts = inner
    assert kind == "Join", value
    if isinstance(parts, Tag):
        (removed, whole), = parts.values()
        return longest(whole, declared) - len(removed)
    return sum(longest(part, declared) for part in parts) + len(separator) * (len(parts) - 1)


def resource_name(value, condition):
    """Returns a policy's resource as permissions.yaml names it."""
    text = value if isinstance(value, str) else None
    if isinstance(value, Tag):
        (kind, inner), = value.items()
        if kind in ("Ref", "GetAtt"):
            return inner.removesuffix(".Arn")
        text = inner
    text = re.sub(r"\$\{(\w+)\.Arn\}", r"\1", text)
    arn = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"
    names = {
        arn % ("states", "stateMachine:${AWS::StackName}-review"): "Workflow",
        arn % ("states", "execution:${AWS::StackName}-review:*"): "Executions",
        arn % ("states", "execution:${AWS::StackName}-review/ReviewEachUnit:*"): "Units",
        "arn:${AWS::Partition}:bedrock:*::foundation-model/*": "models of Bedrock",
        arn % ("bedrock", "inference-profile/*"): "profiles of Bedrock",
    }
    if text == arn % ("ses", "identity/*") and condition == {"StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}}:
        return "identities from MailFrom"
    return names.get(text, text)


def leading_keys(condition):
    """Returns the hash keys that a statement is limited to; none if it has no such limit."""
    held = (condition or {}).get("ForAllValues:StringEquals", {}).get("dynamodb:LeadingKeys")
    return None if held is None else several(held)


def resource_names(statement):
    """Returns a statement's resources as permissions.yaml names them."""
    condition = statement.get("Condition")
    names = {resource_name(item, condition) for item in several(statement["Resource"])}
    keys = leading_keys(condition)
    if keys is None:
        return names
    assert names == {"Table"} and list(condition) == ["ForAllValues:StringEquals"], statement
    return {f"Table/{key}" for key in keys}


def allowed(documents):
    """Returns the permissions of policy documents: {action: {resource}}."""
    found = {}
    for statement in (statement for document in documents for statement in document["Statement"]):
        assert statement["Effect"] == "Allow", statement
        for action in several(statement["Action"]):
            resources = resource_names(statement)
            found.setdefault(action, set()).update(resources)
    return found


def mains():
    """Returns the source of each function's main: made from its row of the table of stages, or its own file."""
    stages = (ROOT / "functions/src/stages.rs").read_text(encoding="utf-8")
    places = dict(re.findall(r'"(\w+)" => &\[([\w, ]+)\]', stages))
    calls = dict(re.findall(r"\((\w+), \$setup:ident\) => \{\s*\$?(\S+)\s*\}", stages))
    table = (ROOT / "crates/core/src/stage/table.rs").read_text(encoding="utf-8")
    found = {}
    for function, ports in re.findall(r'"([a-z-]+)": \w+\(([\w, ]+)\);', table):
        ports = ports.split(", ")
        named = ", ".join(places[port] for port in ports if port in places)
        found[function] = f"Wiring::begin(vec![{named}]) " + " ".join(calls[port] for port in ports)
    for name in OUTSIDE:
        found[name] = (ROOT / f"functions/src/{name.replace('-', '_')}.rs").read_text(encoding="utf-8")
    assert set(found) == {main.stem for main in ROOT.glob("functions/src/bin/*.rs")}, sorted(found)
    return found


def inline(role):
    return [policy["PolicyDocument"] for policy in role["Policies"]]


class TemplateTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.template = read_yaml("infra/template.yaml")
        cls.resources = cls.template["Resources"]
        cls.table = read_yaml("infra/permissions.yaml")
        cls.definition = json.loads((ROOT / "state-machine/review.asl.json").read_text(encoding="utf-8"))
        cls.functions = {
            resource["Metadata"]["BuildProperties"]["Binary"]: resource["Properties"]
            for resource in cls.resources.values()
            if resource["Type"] == "AWS::Serverless::Function"
        }
        cls.mains = mains()

    def of_type(self, kind):
        return {name: resource for name, resource in self.resources.items() if resource["Type"] == kind}

    def role(self, function):
        return self.resources[f"{pascal(function)}Role"]["Properties"]

    def environment(self, function):
        return self.functions[function]["Environment"]["Variables"]

    def secrets(self, function):
        return self.table[function].get("secretsmanager:GetSecretValue", [])

    def tasks(self):
        """Returns each task state's name with its definition, at any depth."""
        def walk(states):
            for name, state in states.items():
                if state["Type"] == "Task":
                    yield name, state
                if state["Type"] == "Map":
                    yield from walk(state["ItemProcessor"]["States"])
        return dict(walk(self.definition["States"]))

    def test_each_function_has_a_resource_and_no_other(self):
        self.assertEqual(set(self.functions), set(self.mains))
        for name in sorted(self.functions):
            with self.subTest(name):
                resource = self.resources[f"{pascal(name)}Function"]
                self.assertEqual(resource["Metadata"]["BuildMethod"], "rust-cargolambda")
                self.assertEqual(resource["Properties"]["CodeUri"], "../functions")
                self.assertEqual(resource["Properties"]["FunctionName"], {"Sub": f"${{AWS::StackName}}-{name}"})

    def test_the_workflow_calls_versions(self):
        machine = self.resources["ReviewMachine"]["Properties"]
        text = json.dumps(self.definition)
        named = set(re.findall(r"\$\{(\w+)\}", text))
        self.assertEqual(
            machine["DefinitionSubstitutions"], {name: {"Ref": f"{name}.Version"} for name in named}
        )
        self.assertEqual(named, {f"{pascal(name)}Function" for name in self.functions if name not in OUTSIDE})
        self.assertEqual(machine["AutoPublishAlias"], "live")
        alarms = [alarm["Ref"] for alarm in machine["DeploymentPreference"]["Alarms"]]
        self.assertTrue(alarms and set(alarms) <= set(self.of_type("AWS::CloudWatch::Alarm")), alarms)
        self.assertFalse(machine["Logging"]["IncludeExecutionData"])

    def test_the_workflow_may_call_its_functions_and_itself(self):
        called = {f"{pascal(name)}Function:*" for name in self.functions if name not in OUTSIDE}
        actual = allowed(inline(self.resources["ReviewMachineRole"]["Properties"]))
        self.assertEqual(actual.pop("lambda:InvokeFunction"), called)
        runs, executions = {"Artifacts/runs/*"}, {"Executions", "Units"}
        results = {"Artifacts/runs/*/results/*"}
        for action, resources in {
            "s3:GetObject": runs,
            "s3:PutObject": results,
            "s3:ListMultipartUploadParts": results,
            "s3:AbortMultipartUpload": results,
            "states:StartExecution": {"Workflow"},
            "states:DescribeExecution": executions,
            "states:StopExecution": executions,
        }.items():
            self.assertEqual(actual.pop(action), resources, action)
        self.assertEqual({action.split(":")[0] for action in actual}, {"logs", "xray"})
        label = [state["Label"] for state in self.definition["States"].values() if state["Type"] == "Map"]
        self.assertEqual(label, ["ReviewEachUnit"])

    def test_each_role_allows_what_the_table_says_and_no_more(self):
        self.assertEqual(set(self.table), set(self.functions) | {"every"})
        basics = self.resources["FunctionBasics"]["Properties"]["PolicyDocument"]
        self.assertEqual(allowed([basics]), {action: set(on) for action, on in self.table["every"].items()})
        for name in sorted(self.functions):
            with self.subTest(name):
                role = self.role(name)
                self.assertEqual(self.functions[name]["Role"], {"GetAtt": f"{pascal(name)}Role.Arn"})
                self.assertEqual(role["ManagedPolicyArns"], [{"Ref": "FunctionBasics"}])
                self.assertEqual(allowed(inline(role)), {action: set(on) for action, on in self.table[name].items()})
                self.assertFalse([action for action in self.table[name] if "*" in action])

    def test_each_function_writes_only_keys_of_its_own(self):
        """No function writes to a whole prefix or table, and only the right functions write the data that decides on a publication."""
        writers = {}
        for name in sorted(self.functions):
            with self.subTest(name):
                for action in ("s3:PutObject", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"):
                    for resource in self.table[name].get(action, []):
                        self.assertNotIn(resource, ("Table", "Artifacts", "Artifacts/*", "Artifacts/runs/*"), action)
                        writers.setdefault(resource, set()).add(name)
                for action in self.table[name]:
                    if action.startswith("dynamodb:"):
                        self.assertNotIn("Table", self.table[name][action], f"{action}: held to no keys")
        self.assertEqual(
            writers["Table/question"], {"request-approval", "escalate-approval", "approval-page", "sweep"}
        )
        published = {on for on, who in writers.items() if "Table" in on and "publish-review" in who}
        self.assertEqual(published, {"Table/pull", "Table/retry", "Table/turn"})
        writes = {name for name, main in self.mains.items() if "setup.publish()" in main}
        self.assertEqual(writers["Table/turn"], writes, "who writes to GitHub takes turns")
        self.assertEqual(writers["Table/provider"], {"review-unit", "summarize-review", "try-models"})
        self.assertEqual(writers["Table/retried"], {"sweep"})
        self.assertEqual(writers["Table/pull"], {"discard-review", "publish-review"})
        self.assertEqual(writers["Artifacts/pull/*/ledger/*.json"], {"discard-review", "publish-review"})
        self.assertEqual(writers["Table/link"], {"request-approval", "approval-page"})
        self.assertEqual(writers["Artifacts/runs/*/policy.json"], {"plan-review"})
        self.assertEqual(writers["Artifacts/runs/*/aggregate.json"], {"aggregate-findings"})
        reads_model = {name for name in self.functions if READ_MODEL in self.secrets(name)}
        self.assertEqual(writers["Artifacts/runs/*/units/*/attempt-*/answer.json"], {"review-unit"})
        self.assertNotIn("review-unit", writers["Artifacts/runs/*/report.json"])
        self.assertEqual(reads_model & writers["Artifacts/runs/*/report.json"], {"summarize-review"})

    def test_each_role_fits_what_main_sets_up(self):
        for name in sorted(self.mains):
            with self.subTest(name):
                main, actions = self.mains[name], self.table[name]
                ports = [prefixes for port, prefixes in PORTS.items() if f"setup.{port}()" in main]
                for prefixes in ports:
                    self.assertTrue(any(action.startswith(prefixes) for action in actions), f"{prefixes}: no action")
                wanted = tuple(prefix for prefixes in ports for prefix in prefixes) + BESIDES_PORTS
                unasked = [action for action in actions if not action.startswith(wanted)]
                self.assertEqual(unasked, [], "main sets nothing up that needs it")
                github = any(f"setup.{port}()" in main for port in ("read", "publish", "threads"))
                self.assertEqual(READ_GITHUB in self.secrets(name), github)
                self.assertEqual(READ_MODEL in self.secrets(name), "setup.model()" in main)

    def test_each_environment_fits_what_main_names(self):
        for name in sorted(self.mains):
            with self.subTest(name):
                begun = re.search(r"Wiring::begin\(\s*vec!\[(.*?)\]", self.mains[name], re.DOTALL)
                named = {PLACES[place.strip()] for place in begun.group(1).split(",") if place.strip()}
                self.assertEqual(named, set(self.environment(name)) & set(PLACES.values()))

    def test_each_secret_that_is_named_may_be_read(self):
        for name in sorted(self.functions):
            with self.subTest(name):
                given = json.dumps(self.environment(name).get("HOLDFAST_SECRETS", ""))
                self.assertEqual(set(re.findall(r"\w+Secret", given)), set(self.secrets(name)))

    def test_a_function_that_calls_the_model_cannot_write_to_github_and_the_other_way_round(self):
        callers = [name for name in self.functions if READ_MODEL in self.secrets(name)]
        writes = [name for name, main in self.mains.items() if "setup.publish()" in main]
        self.assertEqual(sorted(callers), ["review-unit", "summarize-review", "try-models"])
        self.assertGreaterEqual(len(writes), 5)
        for name in sorted(callers):
            with self.subTest(name):
                self.assertEqual(self.secrets(name), [READ_MODEL])
        for name in sorted(writes):
            with self.subTest(name):
                self.assertNotIn(READ_MODEL, self.secrets(name))
        keeps = [name for name in self.functions if "Artifacts/cache/*" in self.table[name].get("s3:PutObject", [])]
        # The answers of units, and the walkthrough.
        self.assertEqual(keeps, ["validate-findings", "summarize-review"], "who keeps answers has checked them")

    def test_a_function_ends_before_its_state(self):
        tasks = self.tasks()
        functions = {f"${{{pascal(name)}Function}}": name for name in self.functions if name not in OUTSIDE}
        self.assertEqual(set(functions), {state["Arguments"]["FunctionName"] for state in tasks.values()})
        for state_name, state in sorted(tasks.items()):
            with self.subTest(state_name):
                name = functions[state["Arguments"]["FunctionName"]]
                self.assertLessEqual(self.functions[name]["Timeout"] + MARGIN_S, state["TimeoutSeconds"])
        for name in functions.values():
            self.assertIn(pascal(name), tasks)
        allowed = self.template["Parameters"]["ModelTimeoutSeconds"]["AllowedPattern"]
        longest = max(seconds for seconds in range(1, 1000) if re.fullmatch(allowed, str(seconds)))
        self.assertLess(longest, self.functions["review-unit"]["Timeout"])
        self.assertLess(longest, self.functions["summarize-review"]["Timeout"])

    def test_each_function_has_memory_and_time_of_its_own(self):
        for name in sorted(self.functions):
            with self.subTest(name):
                self.assertIn(self.functions[name]["MemorySize"], range(128, 3009))
                self.assertIn(self.functions[name]["Timeout"], range(1, 901))

    def test_a_new_value_of_a_parameter_publishes_a_version(self):
        parameters = set(self.template["Parameters"])
        everywhere = parameters_in(self.template["Globals"]["Function"].get("Environment", {}), parameters)
        self.assertEqual(everywhere, set(), "those of Globals stand in no VersionDescription")
        for name in sorted(self.functions):
            with self.subTest(name):
                properties = self.functions[name]
                taken = parameters_in(properties["Environment"], parameters)
                description = properties.get("VersionDescription", "")
                # A description without room names the version of a function whose description has the others.
                carried = {
                    parameter for other in self.functions.values()
                    if f"{pascal(name)}Function" in versions_in(other.get("VersionDescription", ""))
                    for parameter in parameters_in(other["Environment"], parameters)
                }
                named = self.named(description, parameters)
                self.assertLessEqual(taken, named)
                self.assertLessEqual(named, taken | carried)
                self.assertTrue(properties["AutoPublishAliasAllProperties"])
                if taken:
                    resource = self.resources[f"{pascal(name)}Function"]
                    self.assertEqual(resource["UpdateReplacePolicy"], "Retain", "reviews in flight call the version before")
                self.assertLessEqual(longest(description, self.template["Parameters"]), DESCRIPTION_CHARS)

    def named(self, description, parameters):
        """Returns the parameters whose values change a VersionDescription."""
        named = parameters_in(description, parameters)
        for other in versions_in(description):
            named |= self.named(self.resources[other]["Properties"]["VersionDescription"], parameters)
        return named

    def test_logs_end(self):
        groups = self.of_type("AWS::Logs::LogGroup")
        for name in sorted(groups):
            with self.subTest(name):
                self.assertEqual(groups[name]["Properties"]["RetentionInDays"], {"Ref": "LogRetentionDays"})
        logging = self.template["Globals"]["Function"]["LoggingConfig"]
        self.assertIn(logging["LogGroup"]["Ref"], groups)
        for name in sorted(self.functions):
            with self.subTest(name):
                self.assertNotIn("LoggingConfig", self.functions[name])
        stage = self.resources["HttpStage"]["Properties"]["AccessLogSettings"]
        self.assertNotIn("path", stage["Format"].lower(), "the path of an approval is a credential")

    def test_storage_outlives_the_stack_and_is_private(self):
        for name in sorted(("Artifacts", "Table")):
            with self.subTest(name):
                for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
                    self.assertEqual(self.resources[name][policy], "Retain")
        table = self.resources["Table"]["Properties"]
        self.assertEqual([key["AttributeName"] for key in table["KeySchema"]], ["pk", "sk"])
        self.assertEqual(table["TimeToLiveSpecification"], {"AttributeName": "expires", "Enabled": True})
        self.assertTrue(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])
        block = self.resources["Artifacts"]["Properties"]["PublicAccessBlockConfiguration"]
        self.assertEqual((len(block), set(block.values())), (4, {True}))

    def test_a_function_that_nobody_waits_for_has_dead_letters(self):
        queue = {"GetAtt": "DeadLetters.Arn"}
        events = {"sweep": {"Regularly", "Ended"}, "try-models": {"Regularly"}}
        for name in sorted(events):
            function = self.functions[name]
            self.assertEqual(function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"], queue)
            self.assertEqual(set(function["Events"]), events[name])
            for event in sorted(function["Events"]):
                with self.subTest(f"{name} {event}"):
                    self.assertEqual(function["Events"][event]["Properties"]["DeadLetterConfig"]["Arn"], queue)
        for name in sorted(set(self.functions) - set(events)):
            with self.subTest(name):
                self.assertNotIn("Events", self.functions[name], "it would need dead letters")

    def test_each_alarm_is_explained(self):
        text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
        for name in sorted(self.of_type("AWS::CloudWatch::Alarm")):
            with self.subTest(name):
                self.assertEqual(self.resources[name]["Properties"]["AlarmActions"], [{"Ref": "Alarms"}])
                self.assertIn(f"`{name}`", text)
        for name in sorted(self.template["Parameters"]):
            with self.subTest(name):
                self.assertIn(f"`{name}`", text)

    def test_the_dashboard_shows_what_functions_count(self):
        body = re.sub(r"\$\{[^}]*\}", "x", self.resources["Dashboard"]["Properties"]["DashboardBody"]["Sub"])
        rows = [json.dumps(row) for widget in json.loads(body)["widgets"] for row in widget["properties"]["metrics"]]
        ours = "\n".join(row for row in rows if "Holdfast/" in row)
        code = (ROOT / "functions/src/metrics.rs").read_text(encoding="utf-8")
        counted = set(re.findall(r'\("(\w+)", json!', code))
        self.assertGreater(len(counted), 5)
        filters = self.of_type("AWS::Logs::MetricFilter").values()
        counted |= {part["MetricName"] for each in filters for part in each["Properties"]["MetricTransformations"]}
        shown = set(re.findall(r'MetricName=\\*"(\w+)', ours)) | set(re.findall(r'Holdfast/x", "(\w+)"', ours))
        self.assertEqual(shown, counted)
        text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
        for name in sorted(counted):
            with self.subTest(name):
                self.assertIn(f"`{name}`", text)

    def test_the_app_has_the_documented_permissions(self):
        manifest = json.loads((ROOT / "infra/github-app-manifest.json").read_text(encoding="utf-8"))
        self.assertEqual(
            manifest["default_permissions"],
            {
                "actions": "read",
                "checks": "write",
                "contents": "read",
                "issues": "write",
                "members": "read",
                "merge_queues": "read",
                "metadata": "read",
                "pull_requests": "write",
                "security_events": "read",
            },
        )
        # GitHub sends installation events to every App, and refuses a manifest that names them.
        events = [
            "pull_request",
            "pull_request_review_comment",
            "pull_request_review_thread",
            "issue_comment",
            "check_run",
            "check_suite",
            "merge_group",
        ]
        self.assertEqual(manifest["default_events"], events)
        self.assertFalse(manifest["public"])

    def test_samconfig_builds_what_the_template_deploys(self):
        text = (ROOT / "samconfig.toml").read_text(encoding="utf-8")
        default = self.template["Parameters"]["Architecture"]["Default"]
        self.assertIn(f'parameter_overrides = "Architecture={default}"', text)
        self.assertIn("cached = false", text)


if __name__ == "__main__":
    unittest.main()
