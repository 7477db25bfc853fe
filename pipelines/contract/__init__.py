"""What each source promises. Contracts are the only truth: DAGs, types, rules, tables and documents follow.

    reading    which files there are: document (YAML with lines) → standard → building (with servers, columns, quality, rules)
    keys       what `customProperties` may say, in the shapes of `shapes` and `texts`; `custom` reads it, `syntax` knows small languages
    model      what a contract is, in the end
    dictionary the same in the words of DuckDB and Frictionless
    problems, places   what is wrong, and where, for people

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
    load_file,
    load_governance,
    load_operations,
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
    "load_file",
    "load_governance",
    "load_operations",
    "load_reference",
    "read_all",
]
