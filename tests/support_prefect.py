"""Asking a Prefect server over its API, as the UI does."""

import json
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from typing import Any

from tests.support_waiting import PATIENCE_S, wait_for

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
Json = dict[str, Any]


class PrefectApi:
    """A server and the questions that tests have."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.url = variables["PREFECT_API_URL"]

    def ask(self, path: str, body: Json | None = None, method: str | None = None) -> Any:
        """Send one request; without a body it is a GET."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.url}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        text = wait_for(lambda: _answered(request))[0]
        return json.loads(text) if text else None

    def refusal(self, path: str, body: Json) -> str:
        """Send what the server is to refuse, and return what it says."""
        try:
            self.ask(path, body)
        except urllib.error.HTTPError as error:
            return error.read().decode()
        raise AssertionError(f"{path} was not refused")

    def deployment(self, name: str) -> Json:
        """Return a deployment, `flow/name`."""
        found: Json = self.ask(f"deployments/name/{name}")
        return found

    def start(self, deployment: str, parameters: Json) -> str:
        """Ask for a run of a deployment and return its id."""
        path = f"deployments/{self.deployment(deployment)['id']}/create_flow_run"
        return str(self.ask(path, {"state": {"type": "SCHEDULED"}, "parameters": parameters})["id"])

    def set_state(self, flow_run: str, kind: str, name: str) -> None:
        """Put a flow run into a state, as the buttons of the UI do."""
        answer = self.ask(f"flow_runs/{flow_run}/set_state", {"state": {"type": kind, "name": name}})
        assert answer["status"] == "ACCEPT", answer

    def flow_run(self, flow_run: str) -> Json:
        """Return a flow run."""
        found: Json = self.ask(f"flow_runs/{flow_run}")
        return found

    def flow_runs(self, deployment: str, **state: Any) -> list[Json]:
        """Return the flow runs of a deployment, the earliest first."""
        wanted: Json = {"deployment_id": {"any_": [self.deployment(deployment)["id"]]}}
        if state:
            wanted["state"] = state
        found: list[Json] = self.ask("flow_runs/filter", {"flow_runs": wanted, "sort": "EXPECTED_START_TIME_ASC"})
        return found

    def ended(self, flow_run: str) -> Json:
        """Wait until a flow run has ended, and return it."""
        return wait_for(lambda: _if_ended(self.flow_run(flow_run)), 240)

    def children(self, flow_run: str) -> list[Json]:
        """Return the flow runs that a flow run has started."""
        found: list[Json] = self.ask("flow_runs/filter", {"flow_runs": {"parent_flow_run_id": {"any_": [flow_run]}}})
        return found

    def task_runs(self, flow_runs: Collection[str]) -> list[Json]:
        """Return the task runs of some flow runs; the server records them a little later than they are."""
        body = {"flow_runs": {"id": {"any_": list(flow_runs)}}}
        found: list[Json] = self.ask("task_runs/filter", body)
        return found

    def artifacts(self, flow_run: str) -> dict[str, Any]:
        """Return the artifacts of a flow run: key -> content."""
        found = self.ask("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [flow_run]}}})
        return {artifact["key"]: artifact["data"] for artifact in found}


def _answered(request: urllib.request.Request) -> list[bytes] | None:
    """Return what a server answers; None where its database was too busy."""
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 - our own server
            return [answer.read()]
    except urllib.error.HTTPError as error:
        if error.code in (500, 503):  # it waited too long for a connection to it, or for its lock
            return None
        raise


def _if_ended(flow_run: Json) -> Json | None:
    return flow_run if flow_run["state"]["type"] in ENDED else None
