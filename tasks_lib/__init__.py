"""What is asked and who attempts it: records, families, environments, policies.

Knows nothing about scores, storage or orchestration.
"""

from tasks_lib.registry import families, family, policy, register_family, register_policy

__all__ = ["families", "family", "policy", "register_family", "register_policy"]
