"""What changed between two releases for their readers, and why.

The causes, which `provenance/causes.py` names, follow from the two manifests. Which rows each of them changed is found by
making the tables of the older release again and letting in one cause after the other, in the order of CAUSES, until they
are those of the newer one: every row is counted under each step that changed it, and the steps together are the whole
difference.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines import contract as contracts
from pipelines import database, feed_tables, lake, releases
from pipelines.contract.model import Contract
from pipelines.database import literal, quoted
from pipelines.errors import WarehouseError
from pipelines.provenance import causes, inputs
from pipelines.provenance.causes import CORRECTION, DATA, DECISION, RULE, Batch, Cause
from pipelines.releases import Release, table_changes
from pipelines.releases.table_changes import TableChange, Version
from pipelines.run import rebuilding, recipes
from pipelines.run.recipes import Recipe

_SHOWN = 5


@dataclass(frozen=True)
class Difference:
    """What changed between two releases."""

    one: str
    other: str
    causes: tuple[Cause, ...]
    reached: Mapping[str, frozenset[str]]
    """Cause → published tables it can have changed."""
    tables: tuple[TableChange, ...]
    by_cause: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Table → causes joined by ` + ` → rows that these changed; empty when not asked for."""
    steps: Mapping[str, tuple[TableChange, ...]] = field(default_factory=dict)
    """Cause → what letting it in changed."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "from": self.one,
            "to": self.other,
            "causes": [
                {"name": each.name, "what": each.what, "tables": sorted(self.reached[each.name])}
                for each in self.causes
            ],
            "tables": [asdict(each) for each in self.tables],
            "by_cause": {table: dict(rows) for table, rows in self.by_cause.items()},
            "steps": {cause: [asdict(each) for each in changes] for cause, changes in self.steps.items()},
        }


def release_difference(
    one: str,
    other: str,
    *,
    explain: bool = False,
    with_this_code: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Difference:
    """How release `other` differs from `one`; with `explain` every row by its causes, which judges and builds again.

    Raises WarehouseError when a release is damaged or, to explain, what it was made from is not all there any more, or
    other code made the older one; `with_this_code` goes on, and what code changed counts under the first cause.
    """
    older, newer = releases.read(one), releases.read(other)
    for release in (older, newer):
        if damage := release.verify():
            raise WarehouseError(
                f"release {release.release_id} is not what was published\n"
                + "\n".join(f"  {line}" for line in damage[:_SHOWN]),
                next_step=f"restore it from a backup, or `urbanbrain release rebuild {release.release_id} --into FOLDER`",
            )
    if (
        explain
        and not with_this_code
        and (lines := rebuilding.other_code([older.manifest.get("code") or {}]))
    ):
        raise WarehouseError(
            f"the tables of release {older.release_id} cannot be made again to explain what changed\n"
            + "\n".join(f"  {line}" for line in lines),
            next_step="install that code, go on with --with-this-code, or leave --explain out",
        )
    found_causes = causes.between(causes.made(older.manifest), causes.made(newer.manifest))
    connection = database.memory()
    try:
        first, last = table_changes.of_release(older), table_changes.of_release(newer)
        tables = table_changes.compare(connection, first, last)
        found = Difference(
            older.release_id,
            newer.release_id,
            tuple(found_causes),
            _reached(found_causes, newer),
            tuple(tables),
        )
        if not explain or not tables:
            return found
        with tempfile.TemporaryDirectory(prefix="urbanbrain-") as folder:
            states = _states(older, newer, found_causes, Path(folder), progress)
            steps = [(cause, before, after) for (_, before), (cause, after) in itertools.pairwise(states)]
            return replace(
                found,
                by_cause={
                    change.table: _rows_by_cause(connection, change.table, first, last, steps)
                    for change in tables
                },
                steps={
                    cause: tuple(table_changes.compare(connection, before, after))
                    for cause, before, after in steps
                },
            )
    finally:
        connection.close()


def _rows_by_cause(
    connection: Any, table: str, first: Version, last: Version, steps: Sequence[tuple[str, Version, Version]]
) -> dict[str, int]:
    """How many of a table's different rows each set of causes changed."""
    table_changes.rows_of(connection, table, first, last, "all_rows")
    parts = []
    for number, (cause, before, after) in enumerate(steps):
        table_changes.rows_of(connection, table, before, after, f"step_{number}")
        parts.append(f"select row_key, {number} as number, {literal(cause)} as cause from step_{number}")
    found = connection.execute(
        "select coalesce(causes, '?') as causes, count(*) from all_rows left join (select row_key, "
        f"string_agg(cause, ' + ' order by number) as causes from ({' union all '.join(parts)}) group by all) "
        "using (row_key) group by all order by count(*) desc, causes"
    ).fetchall()
    return dict(found)


def _reached(found: Sequence[Cause], release: Release) -> dict[str, frozenset[str]]:
    """Published tables that each cause can have changed, by what their models read."""
    graph = _readers(release)
    return {cause.name: _reached_by(cause, graph, release) for cause in found}


def _readers(release: Release) -> dict[str, set[str]]:
    """Source table → tables whose models read it, as of a release."""
    from pipelines.stages import governance

    names, graph = release.inputs or {}, dict[str, set[str]]()
    connection = database.memory()
    try:
        for name, digest in names.items():
            parts = name.removesuffix(".sql").split("/")
            if not name.endswith(".sql") or len(parts) != 3 or parts[1] not in governance.SCHEMAS:
                continue
            table = f"{parts[1]}.{parts[2].partition('.')[0]}"
            query = inputs.read(digest).decode().strip().rstrip(";")
            if not name.endswith(".checks.sql"):
                for source in governance.sources(connection, query, name):
                    graph.setdefault(source, set()).add(table)
    except WarehouseError:  # an input is gone: then nothing can be ruled out
        return {}
    finally:
        connection.close()
    return graph


def _reached_by(cause: Cause, graph: Mapping[str, set[str]], release: Release) -> frozenset[str]:
    if not graph:
        return frozenset(release.detail)
    waiting = [feed.replace("_", ".", 1) for feed in cause.feeds]
    waiting += [f"{table}_history" for table in waiting]
    waiting += [table for table in (*graph, *release.detail) if table.startswith("ops.") and cause.feeds]
    for name in cause.inputs:
        waiting += _tables_of_input(name, graph)
    reached = set[str]()
    while waiting:
        table = waiting.pop()
        if table not in reached:
            reached.add(table)
            waiting += graph.get(table, ())
    return frozenset(reached & release.detail.keys())


def _tables_of_input(name: str, graph: Mapping[str, set[str]]) -> list[str]:
    parts = name.split("/")
    stem = parts[-1].partition(".")[0]
    if name.startswith(f"{inputs.DECISIONS}/"):
        return [table for table in graph if table.startswith("ops.")]
    if parts[0] == inputs.EDITIONS or name == inputs.BOUNDARIES:
        return [table for table in graph if table.startswith("ref.area")]
    schema = {"reference": "ref", "operations": "ops"}.get(parts[1], parts[1])
    return [f"{schema}.{stem}"]


def _states(
    older: Release,
    newer: Release,
    found: Sequence[Cause],
    folder: Path,
    progress: Callable[[int, int], None] | None,
) -> list[tuple[str, Version]]:
    """The older release's tables, then the tables after each cause was let in; the last are the newer one's."""
    names = [cause.name for cause in found]
    is_known = frozenset(causes.made(older.manifest).batches)
    states = [("", table_changes.of_release(older))]
    for number, name in enumerate(names[:-1]):
        mixed = _mixed(older, newer, frozenset(names[: number + 1]))
        home = folder / str(number)
        held_back = _known_rows_stay if name == DATA and CORRECTION in names else None
        recipes.make(home, mixed, judge=False, first=is_known, before_second=held_back, progress=progress)
        states.append((name, _tables(home, mixed)))
    if names:
        states.append((names[-1], table_changes.of_release(newer)))
    return states


def _mixed(older: Release, newer: Release, let_in: frozenset[str]) -> Recipe:
    """What a release between the two is made from: the newer one's where a cause was let in, else the older one's."""
    before, after = recipes.recipe_of(older), recipes.recipe_of(newer)
    old, new = causes.made(older.manifest), causes.made(newer.manifest)
    decided = causes.decided(new, causes.changed_inputs(old, new))
    names = _chosen(before.inputs, after.inputs, let_in)
    batches, judging = [], {}
    for each in sorted(old.batches.keys() | new.batches.keys()):
        was, is_ = old.batches.get(each), new.batches.get(each)
        if was and is_:
            is_decided = was["is_refused"] != is_["is_refused"]
            batch = is_ if (DECISION if is_decided else RULE) in let_in else was
        elif was:
            if (DECISION if each[2] in decided else DATA) in let_in:
                continue
            batch = was
        else:
            batch = new.batches[each]
            if causes.of_batch(batch, decided) not in let_in:
                continue
        batches.append(batch)
        judging[each] = _chosen(
            before.judging.get(each, _judged_by(before.inputs, each[0])),
            after.judging.get(each, _judged_by(after.inputs, each[0])),
            let_in,
        )
    return Recipe(names, batches, (after if DECISION in let_in else before).held, judging)


def _chosen(before: Mapping[str, str], after: Mapping[str, str], let_in: frozenset[str]) -> dict[str, str]:
    found = {name: digest for name, digest in before.items() if causes.of_input(name) not in let_in}
    return found | {name: digest for name, digest in after.items() if causes.of_input(name) in let_in}


def _judged_by(names: Mapping[str, str], feed_id: str) -> dict[str, str]:
    """Those inputs of a release that a batch of a feed would be judged with."""
    level, _, name = feed_id.partition("_")
    return {
        path: digest
        for path, digest in names.items()
        if inputs.is_about_areas(path)
        or path.startswith("contracts/reference/")
        or path == f"contracts/{level}/{name}.odcs.yaml"
    }


def _known_rows_stay(batches: Sequence[Batch]) -> None:
    """Let batches bring known rows as they are known: what is new of them is the source's correction, let in later."""
    feeds = {feed.feed_id: feed for feed in contracts.load_all()}
    with database.writer(lake.warehouse_file()) as connection:
        for batch in batches:
            folder = recipes.folder_of(batch, "validated")
            if not batch["is_refused"] and (folder / lake.ROWS).exists():
                _put_known(connection, feeds[batch["feed_id"]], folder / lake.ROWS)


def _put_known(connection: Any, feed: Contract, rows: Path) -> None:
    if not feed.key or not feed_tables.make(connection, feed):
        return
    found = [
        row[0] for row in connection.execute(f"describe from read_parquet({literal(str(rows))})").fetchall()
    ]
    kept = [
        column.name for column in feed.stored_columns if column.name in found and column.name not in feed.key
    ]
    replaced = ", ".join(
        f"case when known._batch_id is null then new.{quoted(name)} else known.{quoted(name)} end as {quoted(name)}"
        for name in kept
    )
    same = " and ".join(f"new.{quoted(name)} = known.{quoted(name)}" for name in feed.key)
    beside = rows.with_name(f"{lake.TEMPORARY}{rows.name}")
    connection.execute(
        f"copy (select new.* replace ({replaced}) from read_parquet({literal(str(rows))}) as new "
        f"left join {feed.table} as known on {same} order by new._row_number) to {literal(str(beside))} (format parquet)"
    )
    beside.replace(rows)  # a new file: the one the other home shares stays as it is


def _tables(home: Path, recipe: Recipe) -> Version:
    """Build a home, and write its tables as a release of it would."""
    from pipelines.run.warehouse import build
    from pipelines.stages import publishing

    with recipes.at(home, recipe):
        build()
        with database.writer(lake.warehouse_file()) as connection:
            files, keys = publishing.write_detail(
                connection,
                contracts.load_all(),
                [*contracts.load_governance(), *contracts.load_reference(), *contracts.load_operations()],
                home / "between",
            )
    return Version(files, keys)
