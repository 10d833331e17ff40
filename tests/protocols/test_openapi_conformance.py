"""Requests drawn from the OpenAPI documents: every answer is one that its document describes."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as drawing
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from sentire.gateway.app import create_app as gateway_app
from sentire.service.app import create_app as service_app
from sentire.service.settings import Settings
from sentire.web.settings import Limits, ServerSettings
from servers import running

SETTINGS = Settings(
    server=ServerSettings(access_log=False), limits=Limits(request_s=5, body_bytes=100_000)
)
KNOWN = {"name": "tiny", "version": "0.0.1"}
UNLOAD = "POST /v2/repository/models/{name}/unload"
MANY = drawing(
    max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
FEW = drawing(MANY, max_examples=2)


@pytest.fixture(
    scope="module",
    params=[pytest.param(service_app, id="service"), pytest.param(gateway_app, id="gateway")],
)
def operations(request, tiny_models):
    with running(request.param(tiny_models, SETTINGS)) as url:
        document = schemathesis.openapi.from_url(f"{url}/openapi.json")
        yield {found.ok().label: found.ok() for found in document.get_all_operations()}


def send(operation, mode, how, known):
    """Draw requests and check their answers: status, type, headers and schema, and never a 500."""

    @how
    @given(operation.as_strategy(generation_mode=mode, path_parameters=known))
    def check(case):
        # What the document allows may still hold no text to score, or name no model of ours.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    check()


def test_every_answer_is_one_that_the_document_describes(operations):
    assert {"POST /predict", "POST /", "POST /v2/models/{name}/infer"} <= operations.keys()
    for label, operation in operations.items():
        names = [parameter.name for parameter in operation.path_parameters]
        for known in [{}, {name: KNOWN[name] for name in names}] if names else [{}]:
            if label == UNLOAD and known:
                continue  # the others need the model
            how = MANY if operation.body or (names and not known) else FEW
            send(operation, GenerationMode.POSITIVE, how, known)


def test_a_body_that_the_document_does_not_allow_is_refused_as_it_says(operations):
    taking = [each for label, each in operations.items() if each.body and label != UNLOAD]
    assert len(taking) >= 6
    for operation in taking:
        known = {p.name: KNOWN[p.name] for p in operation.path_parameters}
        send(operation, GenerationMode.NEGATIVE, MANY, known)
