"""What is deployed, written from the declared functions: a template in each provider's own form.

`python -m deployments.functions` writes them into `templates/`. Every time-out in them is the one that
the code assumes. Secrets stand in none: each provider puts them into the environment from its store.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from deployments.functions.declared import Function, Trigger

DELIVERIES = 5  # of a message, before it is set aside
KEPT_SECONDS = 14 * 86_400  # messages that were set aside, the longest that SQS keeps
# AWS: at least six times the function's time-out, docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBLE_AFTER = 6
DATA = "/tmp/agent-flows"  # noqa: S108 - the one folder that functions may write; it holds logs alone
HEADER = "# Written by `python -m deployments.functions` from declared.py.\n"


@dataclass(frozen=True, slots=True)
class Template:
    """A file below `templates/`."""

    path: str
    text: str


def templates(functions: Iterable[Function]) -> list[Template]:
    """The files of all providers."""
    declared = list(functions)
    found = [Template("aws/functions.yaml", _yaml(aws(declared)))]
    for function in declared:
        found += google(function)
        found += azure(function)
    return found


def environment(function: Function) -> dict[str, str]:
    """What each provider puts into the environment, beside the secrets."""
    return {
        "AGENT_FLOWS_FUNCTION": function.name,
        "AGENT_FLOWS_DATA": DATA,
        "AGENT_FLOWS_CONCURRENCY": "local",  # the limits of a Prefect server would load Prefect
    }


def _yaml(document: Mapping[str, Any]) -> str:
    return HEADER + yaml.safe_dump(document, sort_keys=False, width=100)


# ---- AWS: CloudFormation, docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference


def aws(functions: Iterable[Function]) -> dict[str, Any]:
    """One stack of all functions; `Image` is the project's image and `Secrets` the name of a secret.

    The secret has a JSON object with `journal_url` and what else the environment needs.
    """
    resources: dict[str, Any] = {"Role": _aws_role(functions := list(functions))}
    for function in functions:
        resources |= _aws_function(function)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Workflows of agent-flows as functions",
        "Parameters": {"Image": {"Type": "String"}, "Secrets": {"Type": "String"}},
        "Resources": resources,
    }


def _aws_role(functions: Iterable[Function]) -> dict[str, Any]:
    """May write logs, take from its own queues, and start its own functions; nothing else."""
    names = [_aws_id(one) for one in functions]
    statements = [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:CreateLogGroup"],
            "Resource": {"Fn::Sub": "arn:${AWS::Partition}:logs:*:*:log-group:/aws/lambda/*"},
        },
        {
            "Effect": "Allow",
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            "Resource": [{"Fn::GetAtt": [f"{name}Queue", "Arn"]} for name in names],
        },
        {
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": [{"Fn::Sub": _aws_arn(name)} for name in names],
        },
    ]
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [
                {
                    "PolicyName": "functions",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
                }
            ],
        },
    }


def _aws_id(function: Function) -> str:
    return "".join(part.capitalize() for part in function.name.split("-"))


def _aws_arn(name: str) -> str:
    place = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}"
    return f"{place}:function:${{AWS::StackName}}-{name}"


def _aws_function(function: Function) -> dict[str, Any]:
    name = _aws_id(function)
    found: dict[str, Any] = {
        name: {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": {"Fn::Sub": f"${{AWS::StackName}}-{name}"},
                "PackageType": "Image",
                "Code": {"ImageUri": {"Ref": "Image"}},
                "ImageConfig": {
                    "EntryPoint": ["python", "-m", "awslambdaric"],
                    "Command": ["deployments.functions.aws_lambda.handler"],
                },
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "MemorySize": function.memory_mb,
                "Timeout": int(function.timeout),
                "Environment": {
                    "Variables": environment(function)
                    | {
                        "AGENT_FLOWS_JOURNAL_URL": {
                            "Fn::Sub": "{{resolve:secretsmanager:${Secrets}:SecretString:journal_url}}"
                        }
                    }
                },
            },
        },
        f"{name}DeadLetters": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"MessageRetentionPeriod": KEPT_SECONDS, "SqsManagedSseEnabled": True},
        },
        f"{name}Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "VisibilityTimeout": int(function.timeout) * VISIBLE_AFTER,
                "SqsManagedSseEnabled": True,
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": [f"{name}DeadLetters", "Arn"]},
                    "maxReceiveCount": DELIVERIES,
                },
            },
        },
    }
    for trigger in function.triggers:
        found |= _AWS_TRIGGERS[trigger](name)
    return found


def _aws_http(name: str) -> dict[str, Any]:
    properties = {"TargetFunctionArn": {"Ref": name}, "AuthType": "AWS_IAM"}
    return {f"{name}Url": {"Type": "AWS::Lambda::Url", "Properties": properties}}


def _aws_queue(name: str) -> dict[str, Any]:
    properties = {
        "FunctionName": {"Ref": name},
        "EventSourceArn": {"Fn::GetAtt": [f"{name}Queue", "Arn"]},
        "BatchSize": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    return {f"{name}Source": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}}


def _aws_schedule(name: str) -> dict[str, Any]:
    rule = {
        "ScheduleExpression": "rate(1 minute)",
        "Targets": [{"Id": "function", "Arn": {"Fn::GetAtt": [name, "Arn"]}}],
    }
    permission = {
        "FunctionName": {"Ref": name},
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": [f"{name}Schedule", "Arn"]},
    }
    return {
        f"{name}Schedule": {"Type": "AWS::Events::Rule", "Properties": rule},
        f"{name}MaySchedule": {"Type": "AWS::Lambda::Permission", "Properties": permission},
    }


_AWS_TRIGGERS = {
    Trigger.HTTP: _aws_http,
    Trigger.QUEUE: _aws_queue,
    Trigger.SCHEDULE: _aws_schedule,
}


# ---- Google: services of Cloud Run, cloud.google.com/run/docs/reference/yaml/v1


def google(function: Function) -> list[Template]:
    """A service for requests and schedules, and one for messages; `IMAGE` and `PROJECT` are filled in."""
    targets = {}
    if {Trigger.HTTP, Trigger.SCHEDULE} & set(function.triggers):
        targets["http"] = "http"
    if Trigger.QUEUE in function.triggers:
        targets["queue"] = "cloudevent"
    return [
        Template(
            f"google/{function.name}-{target}.yaml", _yaml(_google_service(function, target, kind))
        )
        for target, kind in targets.items()
    ]


def _google_service(function: Function, target: str, kind: str) -> dict[str, Any]:
    topic = f"projects/PROJECT/topics/{function.name}"
    plain = environment(function) | {
        "AGENT_FLOWS_FUNCTION_TOPIC": topic,
        "FUNCTION_TARGET": target,
        "FUNCTION_SIGNATURE_TYPE": kind,
        "FUNCTION_SOURCE": "deployments/functions/cloud_run.py",
    }
    secret = {"secretKeyRef": {"name": "agent-flows-journal-url", "key": "latest"}}
    container = {
        "image": "IMAGE",
        "command": ["functions-framework"],
        "env": [
            *({"name": name, "value": value} for name, value in plain.items()),
            {"name": "AGENT_FLOWS_JOURNAL_URL", "valueFrom": secret},
        ],
        "resources": {"limits": {"cpu": "1", "memory": f"{function.memory_mb}Mi"}},
    }
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": f"{function.name}-{target}",
            "annotations": {"run.googleapis.com/ingress": "internal"},
        },
        "spec": {
            "template": {
                "spec": {
                    "containerConcurrency": 1,  # an invocation works many items at once itself
                    "timeoutSeconds": int(function.timeout),
                    "containers": [container],
                }
            }
        },
    }


# ---- Azure: host.json and function.json, learn.microsoft.com/azure/azure-functions/functions-host-json


def azure(function: Function) -> list[Template]:
    """One application, since `functionTimeout` is of the whole application."""
    seconds = int(function.timeout)
    host = {
        "version": "2.0",
        "functionTimeout": f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        "extensionBundle": {
            "id": "Microsoft.Azure.Functions.ExtensionBundle",
            "version": "[4.*, 5.0.0)",
        },
        "extensions": {
            "queues": {
                "batchSize": 1,  # an invocation works many items at once itself
                "newBatchThreshold": 0,
                "maxDequeueCount": DELIVERIES,
                "visibilityTimeout": "00:00:10",
            }
        },
    }
    files: dict[str, Any] = {"host.json": host, "settings.json": environment(function)}
    for trigger in function.triggers:
        files[f"{trigger}/function.json"] = {
            "scriptFile": "../deployments/functions/azure_functions.py",
            "entryPoint": str(trigger),
            "bindings": _azure_bindings(function, trigger),
        }
    return [
        Template(f"azure/{function.name}/{path}", json.dumps(document, indent=2) + "\n")
        for path, document in files.items()
    ]


def _azure_bindings(function: Function, trigger: Trigger) -> list[dict[str, Any]]:
    queue = {"queueName": function.name, "connection": "AzureWebJobsStorage"}
    match trigger:
        case Trigger.HTTP:
            return [
                {
                    "type": "httpTrigger",
                    "direction": "in",
                    "name": "request",
                    "authLevel": "function",
                    "methods": ["post", "options"],  # Event Grid asks first whether it may deliver
                },
                {"type": "http", "direction": "out", "name": "$return"},
            ]
        case Trigger.QUEUE:
            return [{"type": "queueTrigger", "direction": "in", "name": "message", **queue}]
        case Trigger.SCHEDULE:
            return [
                {
                    "type": "timerTrigger",
                    "direction": "in",
                    "name": "timer",
                    "schedule": "0 * * * * *",
                },
                {"type": "queue", "direction": "out", "name": "wakes", **queue},
            ]
