"""What is deployed has the time-outs that the code assumes, in forms that the providers' own parts take."""

import json
from typing import Any

import azure.functions as func
import pytest
import yaml

from deployments.functions.__main__ import FOLDER, main
from deployments.functions.declared import FUNCTIONS, Function
from tests.deployments.functions.local_lambda import LocalLambda

IMAGE = {"ParameterKey": "Image", "ParameterValue": "registry.example/agent-flows:1"}
SECRETS = {"ParameterKey": "Secrets", "ParameterValue": "agent-flows"}


def read(path: str) -> Any:
    return yaml.safe_load((FOLDER / path).read_text("utf-8"))


def test_the_templates_are_those_of_the_declared_functions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_registered_time_out_is_the_one_that_the_code_assumes(function: Function) -> None:
    resources = read("aws/functions.yaml")["Resources"]
    name = function.name.capitalize()
    assert resources[name]["Properties"]["Timeout"] == function.timeout
    assert resources[f"{name}Queue"]["Properties"]["VisibilityTimeout"] >= 6 * function.timeout
    for path in FOLDER.glob(f"google/{function.name}-*.yaml"):
        spec = read(str(path.relative_to(FOLDER)))["spec"]["template"]["spec"]
        assert (spec["timeoutSeconds"], spec["containerConcurrency"]) == (function.timeout, 1)
    hours, minutes, seconds = read(f"azure/{function.name}/host.json")["functionTimeout"].split(":")
    assert int(hours) * 3600 + int(minutes) * 60 + int(seconds) == function.timeout


def test_no_template_has_a_secret_or_an_open_door() -> None:
    text = "".join(path.read_text("utf-8") for path in FOLDER.rglob("*.*"))
    assert "postgresql" not in text
    assert {line.strip() for line in text.splitlines() if "AuthType" in line} == {
        "AuthType: AWS_IAM"
    }
    assert {line.strip() for line in text.splitlines() if "authLevel" in line} == {
        '"authLevel": "function",'
    }


def test_the_bindings_are_those_that_azures_own_package_writes() -> None:
    app = func.FunctionApp()

    @app.function_name("queue")
    @app.queue_trigger("message", queue_name="orders", connection="AzureWebJobsStorage")
    def queue(message: func.QueueMessage) -> None:
        del message

    @app.function_name("schedule")
    @app.timer_trigger("timer", schedule="0 * * * * *")
    @app.queue_output("wakes", queue_name="orders", connection="AzureWebJobsStorage")
    def schedule(timer: func.TimerRequest, wakes: func.Out[list[str]]) -> None:
        del timer, wakes

    written = {
        one.get_function_name(): _bindings(json.loads(str(one))) for one in app.get_functions()
    }
    for name, bindings in written.items():
        assert _bindings(read(f"azure/orders/{name}/function.json")) == bindings


def _bindings(function: Any) -> list[dict[str, Any]]:
    """The bindings in an order of their own, without what is always so and what has a default."""
    left_out = {"dataType", "runOnStartup", "useMonitor"}
    bindings = [
        {key: str(value).lower() for key, value in one.items() if key not in left_out}
        for one in function["bindings"]
    ]
    return sorted(bindings, key=lambda one: one["name"])


@pytest.mark.campaign
def test_aws_own_form_is_taken_by_an_emulator_of_cloudformation(aws: LocalLambda) -> None:
    stacks, functions = aws.client("cloudformation"), aws.client("lambda")
    template = (FOLDER / "aws/functions.yaml").read_text("utf-8")
    stacks.create_stack(StackName="shop", TemplateBody=template, Parameters=[IMAGE, SECRETS])
    stacks.get_waiter("stack_create_complete").wait(
        StackName="shop", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    for function in FUNCTIONS.values():
        name = f"shop-{function.name.capitalize()}"
        made = functions.get_function_configuration(FunctionName=name)
        assert (made["Timeout"], made["MemorySize"]) == (function.timeout, function.memory_mb)
        assert made["Environment"]["Variables"]["AGENT_FLOWS_FUNCTION"] == function.name
        (source,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
