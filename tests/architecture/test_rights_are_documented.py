"""The operations page tells what each right allows, who has it, and thereby what scopes an API token can carry."""

import pytest

from server.kernel.principal import Right
from server.people.rules import RIGHTS, Role
from tests.architecture.source import prose


@pytest.mark.parametrize("right", [right for right in Right if right is not Right.REPORT])
def test_a_right_stands_in_the_operations_page_with_its_roles(right: Right) -> None:
    roles = ", ".join(role for role in Role if right in RIGHTS[role])
    lines = prose("docs/operations.md").splitlines()
    assert [line for line in lines if line.startswith(f"| `{right}` | {roles} | ")]
