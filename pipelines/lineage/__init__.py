"""Where what is in a table comes from, and where it goes.

uses       how a column is used, and what relations are made of
queries    which columns one query reads; `expressions` what its values are made of, `scopes` what names mean
columns    the same for the whole project: `of_project(…).sources(table, column)` and `.readers(table, column)`
"""

from pipelines.lineage.columns import VIEWS, Lineage, Step, of, of_project
from pipelines.lineage.uses import ROWS, Field, Unseen, Use

__all__ = ["ROWS", "VIEWS", "Field", "Lineage", "Step", "Unseen", "Use", "of", "of_project"]
