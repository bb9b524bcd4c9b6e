"""Serves with moto the services that LocalStack lacks, or has only with a Java runtime."""

from localstack.aws.api import handler
from localstack.aws.api.dynamodb import DynamodbApi
from localstack.aws.spec import load_service
from localstack.services.moto import MotoFallbackDispatcher
from localstack.services.plugins import Service, aws_provider


def by_moto(provider):
    return Service.for_provider(provider, dispatch_table_factory=MotoFallbackDispatcher)


@aws_provider(api="dynamodb", name="moto")
def dynamodb_moto():
    class Provider(DynamodbApi):
        service = "dynamodb"

    return by_moto(Provider())


@aws_provider(api="sesv2", name="default")
def sesv2_moto():
    model = load_service("sesv2")
    members = {"service": "sesv2", "version": model.api_version}
    for operation in model.operation_names:

        def missing(self, context, request=None, **others):
            raise NotImplementedError

        missing.__name__ = "op_" + operation
        members[missing.__name__] = handler(operation, expand=False)(missing)
    return by_moto(type("sesv2", (), members)())
