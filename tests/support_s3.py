"""An S3 server on this machine, in the process of the tests: the buckets of one test session."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """Serve S3 on a free port; yields the variables that lead a client to it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        server.stop()


@contextmanager
def reachable(variables: dict[str, str]) -> Iterator[None]:
    """Let this process reach the server, too."""
    import s3fs

    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    # Clients are remembered by their arguments, among which the environment is not.
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
        s3fs.S3FileSystem.clear_instance_cache()


def make_bucket(variables: dict[str, str], name: str) -> None:
    """Make a bucket."""
    import boto3

    assert urlsplit(variables["AWS_ENDPOINT_URL"]).hostname == "127.0.0.1"
    boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_DEFAULT_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    ).create_bucket(Bucket=name)
