"""What the engine says about a registry is told apart: no way there, not allowed, no such image."""

import pytest

from runner.container.registry import ImageUnknown, RegistryDenied, RegistryUnreachable, explained


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (500, 'Get "https://r.example/v2/": dial tcp: lookup r.example: no such host', RegistryUnreachable),
        (500, 'Get "https://r.example/v2/": x509: certificate signed by unknown authority', RegistryUnreachable),
        (500, "net/http: TLS handshake timeout", RegistryUnreachable),
        (500, "received unexpected HTTP status: 503 Service Unavailable", RegistryUnreachable),
        (403, "errors:\ndenied: requested access to the resource is denied", RegistryDenied),
        (401, "unauthorized: authentication required", RegistryDenied),
        (500, "unauthorized: authentication required", RegistryDenied),
        (404, "manifest unknown: manifest unknown", ImageUnknown),
        (400, "invalid reference format", ImageUnknown),
    ],
)
def test_an_answer_has_its_own_error(status: int, said: str, kind: type[Exception]) -> None:
    error = explained("Dockerfile:1", "r.example/a:b", status, said)
    assert type(error) is kind
    assert str(error).startswith("Dockerfile:1: r.example/a:b: ")


@pytest.mark.parametrize(
    ("image", "host"), [("r.example/a:b", " r.example"), ("a/b:c", ""), ("localhost:1/a", " localhost:1")]
)
def test_the_remedy_names_the_registry_to_log_in_to(image: str, host: str) -> None:
    assert f"log in: docker login{host}\n" in str(explained("here", image, 401, "unauthorized"))
