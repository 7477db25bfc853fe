"""What each source promises. Contracts are the only truth: DAGs, types, rules, tables and documents follow.

Light on purpose: a DAG file imports this when it is parsed.
"""

from pipelines.contract.model import (
    FEED_LEVELS,
    LEVELS,
    AreaReference,
    Column,
    Contract,
    DropRule,
    EnumValue,
    Level,
    Rule,
    Server,
    TextPart,
    Unpivot,
)
from pipelines.contract.problems import Problem, contract_error
from pipelines.contract.reading import (
    check_all,
    load,
    load_all,
    load_governance,
    load_reference,
    read_all,
)

__all__ = [
    "FEED_LEVELS",
    "LEVELS",
    "AreaReference",
    "Column",
    "Contract",
    "DropRule",
    "EnumValue",
    "Level",
    "Problem",
    "Rule",
    "Server",
    "TextPart",
    "Unpivot",
    "check_all",
    "contract_error",
    "load",
    "load_all",
    "load_governance",
    "load_reference",
    "read_all",
]
