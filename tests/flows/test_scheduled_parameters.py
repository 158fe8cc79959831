"""The forms of scheduled flows: what must not stand in them."""

from dataclasses import replace

import pytest

from flows.errors import SettingsError


@pytest.mark.flow
@pytest.mark.parametrize("name", ["nightly-evaluation", "promotion-gate", "calibration-sample", "grader-audit"])
@pytest.mark.parametrize(
    "db", ["ducklake:postgres:dbname=a password=hush host=b", "ducklake:postgresql://me:hush@host/a"]
)
def test_a_password_is_refused_as_a_parameter(name: str, db: str) -> None:
    """A server keeps parameters and shows them: a password of the warehouse is refused, and not repeated."""
    from flows.scheduled.deployments import DEPLOYMENTS, check_parameters

    (standing,) = (one for one in DEPLOYMENTS if one.name == name)
    there = {"place": {"db": db}} if "place" in standing.flow.parameters.properties else {"db": db}
    with pytest.raises(SettingsError, match="no place for a password") as caught:
        check_parameters(replace(standing, parameters={**standing.parameters, **there}))
    assert "hush" not in str(caught.value)
