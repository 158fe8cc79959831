"""A local S3 server for tests, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

BUCKET = "assay"


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """Start a server with one empty bucket and yield the variables that lead to it."""
    import boto3  # type: ignore[import-untyped]
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        variables = {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }
        boto3.client(
            "s3", endpoint_url=variables["AWS_ENDPOINT_URL"], region_name="us-east-1", aws_access_key_id="key",
            aws_secret_access_key="not-a-secret",  # noqa: S106
        ).create_bucket(Bucket=BUCKET)  # fmt: skip
        yield variables
    finally:
        server.stop()
