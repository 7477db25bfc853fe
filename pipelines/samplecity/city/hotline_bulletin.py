"""City hotline bulletin: what the centre publishes of every street and period, on the morning after a period ends.

Periods the sample city lived through are counted from its own orders as they stood when the period was over;
older ones are made up. One street's figures are off by more than anybody would let pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, dialects
from pipelines.samplecity.city import hotline, hotline_wire
from pipelines.samplecity.defects import Defect, plant, put, spread
from pipelines.samplecity.source import Source
from pipelines.samplecity.wire import CLEAN, REFUSED, Wire, empty_objects, join
from pipelines.samplecity.world import (
    STREETS,
    Bools,
    City,
    Floats,
    Ints,
    Objects,
    spell_streets,
    street_spellings,
)

FEED = "city_hotline_bulletin"
PERIODS = 6
PUBLISHED = time(9, 0)
WEIGHTS = np.array([0.30, 0.35, 0.35])
WRONG_STREET, WRONG_BY = 3, 9
GRADES = ((95, "优秀"), (90, "良好"), (80, "合格"), (0, "待改进"))
RATES = ("响应率(%)", "解决率(%)", "满意率(%)")
COUNTS = ("受理量", "剔除量", "参评量", "按时响应量", "有效回访量")
_STREET_OF = {text: index for index in range(len(STREETS)) for text in street_spellings(index)}

DEFECTS = (
    Defect("R9", ("required:assessed_count",), (put("参评量", ""),)),
    Defect("R12", ("type:received_count",), (put("受理量", "见附件", "待核"),)),
    Defect("R11", ("range:response_rate_pct",), (put("响应率(%)", "9735", "-1"),)),
    Defect("T10", ("pattern:period",), (put("考核周期", "2026年9月", "九月"),)),
    Defect("A5", ("area:street_code",), (put("街镇", "区接诉即办中心"),)),
    Defect("R12", ("rule:counts_add_up",), (put("剔除量", "5000"),)),
    Defect("R21", ("enum:grade",), (put("等级", "甲等"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)


@dataclass(frozen=True)
class _Count:
    """What a period comes to: five counts and two credits a street."""

    counts: Ints
    solved: Floats
    satisfied: Floats


def snapshot(city: City, at: datetime) -> Wire:
    """The bulletins of the last periods that are out at `at`, a subtotal under each."""
    days = [_published(at.date(), back) for back in range(PERIODS + 1)]
    return _bulletins(
        city, tuple(sorted(day for day in days if datetime.combine(day, PUBLISHED) <= at)[-PERIODS:])
    )


def _published(day: date, months_back: int) -> date:
    number = day.year * 12 + day.month - 1 - months_back
    return date(number // 12, number % 12 + 1, hotline.BULLETIN_DAY)


@lru_cache(maxsize=8)
def _bulletins(city: City, days: tuple[date, ...]) -> Wire:
    of_day = [_bulletin(city, day) for day in days]
    wire = join(of_day)
    # What is wrong stands in bulletins of long ago, so that the newest can be compared.
    rows = sum(len(part) for part, day in zip(of_day, days, strict=True) if day <= city.history_start)
    drawn = np.full(len(wire), -1, dtype=np.int64)
    drawn[:rows] = spread(city, FEED, rows, DEFECTS)
    wire = plant(wire, drawn, DEFECTS, put("综合得分", "1.00"))
    return join([part for day in days for part in (_of(wire, day), _subtotal(_of(wire, day)))])


def _of(wire: Wire, day: date) -> Wire:
    return wire.take(np.flatnonzero(wire.updated.astype("M8[D]") == np.datetime64(day)))


def _bulletin(city: City, day: date) -> Wire:
    found = _counted(city, day) if day > city.history_start else _made_up(city, day)
    counts = found.counts
    rates = np.stack(
        [
            _share(counts[:, 3], counts[:, 2]),
            _share(found.solved, counts[:, 4]),
            _share(found.satisfied, counts[:, 4]),
        ],
        axis=1,
    )
    score = np.round(100 * (rates * WEIGHTS).sum(axis=1), 2)
    rank = 1 + (score[None, :] > score[:, None]).sum(axis=1)
    dice = city.dice("bulletin", day)
    salt = dice.integers(0, 2**31, len(STREETS))
    streets = np.arange(len(STREETS))
    moment = datetime.combine(day, PUBLISHED)
    columns: dict[str, Objects] = {
        "考核周期": empty_objects(len(STREETS), f"{day:%Y-%m}"),
        "街镇": spell_streets(streets, salt),
        "发布时间": empty_objects(len(STREETS), f"{moment:%Y-%m-%d %H:%M:%S}"),
        "版次": empty_objects(len(STREETS), "1"),
        **{name: _texts(counts[:, place], "d") for place, name in enumerate(COUNTS)},
        **{name: _texts(100 * rates[:, place], ".2f") for place, name in enumerate(RATES)},
        "综合得分": _texts(score, ".2f"),
        "排名": _texts(rank, "d"),
        "等级": np.array(
            [next(grade for floor, grade in GRADES if points >= floor) for points in score], dtype=object
        ),
    }
    ids = np.array([f"{day:%Y-%m}/{street.code}" for street in STREETS], dtype=object)
    instants = np.full(len(STREETS), np.datetime64(moment, "s"))
    return Wire("街镇", columns, instants, salt, ids, ids.copy(), streets)


def _counted(city: City, day: date) -> _Count:
    """The period's orders as they stood when it was over. Broken rows count nowhere, the pipeline keeps them out too."""
    wire = hotline_wire.snapshot(city, datetime.combine(day, time()))
    said = wire.columns
    kind, role = said["工单类型"], said["工单性质"]
    wire = wire.take(
        np.flatnonzero((wire.outcome == CLEAN) & (kind != "咨询") & (role == "主办") & _is_of(said, day))
    )
    said = wire.columns
    street = np.array([_STREET_OF[text] for text in said["被反映街乡镇"]], dtype=np.int64)
    excluded = said["是否剔除"] == "是"
    assessed = ~excluded
    met = np.array([text is not None for text in said["首次联系时间"]], dtype=bool)
    answered = np.array([text is not None for text in said["是否解决"]], dtype=bool) & (
        said["是否满意"] != "未评价"
    )
    valid = assessed & answered
    pleased = np.isin(said["是否满意"].astype(str), ["满意", "非常满意", "较满意", "基本满意"])
    counts = np.stack(
        [
            _per_street(street, mask)
            for mask in (assessed | excluded, excluded, assessed, assessed & met, valid)
        ],
        axis=1,
    )
    # Somebody counted some orders twice.
    counts[WRONG_STREET, [0, 2]] += WRONG_BY
    return _Count(
        counts,
        _per_street(street, valid & (said["是否解决"] == "解决")).astype(float),
        _per_street(street, valid & pleased).astype(float),
    )


def _is_of(said: dict[str, Objects], day: date) -> Bools:
    """Which orders the period that ended before `day` has received, however their time is written."""
    first = _published(day, 1)
    numbers = np.array([int(text[3:11]) for text in _ids(said)], dtype=np.int64)
    return (numbers >= int(f"{first:%Y%m%d}")) & (numbers < int(f"{day:%Y%m%d}"))


def _ids(said: dict[str, Objects]) -> list[str]:
    """Order numbers that hold a day; a broken one counts nowhere."""
    narrow = str.maketrans("０１２３４５６７８９－ＨＬ", "0123456789-HL")
    written = ["" if text is None else str(text).translate(narrow) for text in said["工单编号"]]
    return [text if text[3:11].isdigit() else "HL-00000000" for text in written]


def _made_up(city: City, day: date) -> _Count:
    dice = city.dice("bulletin/past", day)
    assessed = dice.integers(90, 190, len(STREETS))
    excluded = dice.integers(0, 6, len(STREETS))
    called = (assessed * dice.uniform(0.85, 0.97, len(STREETS))).astype(np.int64)
    met = assessed - dice.integers(0, 3, len(STREETS))
    counts = np.stack([assessed + excluded, excluded, assessed, met, called], axis=1)
    solved, satisfied = ((called * dice.uniform(0.8, 0.97, len(STREETS))).astype(np.int64) for _ in range(2))
    return _Count(counts, solved.astype(float), satisfied.astype(float))


def _per_street(street: Ints, mask: Bools) -> Ints:
    return np.bincount(street[mask], minlength=len(STREETS)).astype(np.int64)


def _share(part: Floats | Ints, whole: Ints) -> Floats:
    return np.asarray(part / np.maximum(whole, 1), dtype=float)


def _texts(values: Floats | Ints, form: str) -> Objects:
    return np.array([format(value, form) for value in values.tolist()], dtype=object)


def _subtotal(wire: Wire) -> Wire:
    """The whole area's counts, in a row of their own."""
    last = wire.take(np.array([len(wire) - 1]))
    for name, column in last.columns.items():
        if name in COUNTS:
            column[0] = str(sum(int(text) for text in wire.columns[name] if str(text).isdigit()))
        elif name not in ("考核周期", "发布时间", "版次"):
            column[0] = "合计" if name == "街镇" else None
    last.columns["考核周期"][0] = f"{last.updated[0].astype('M8[M]')}"
    last.problem, last.true_id = empty_objects(1, ""), empty_objects(1, "")
    last.label(np.array([0]), REFUSED, (), "R13")
    return last


SOURCE = Source(
    FEED,
    "/hotline/bulletin.csv",
    lambda city, _, end, clock: snapshot(city, min(end, clock) if end else clock),
    desks.File(
        "bulletin.csv",
        desks.CSV,
        lambda wire, _, claimed: dialects.counted_csv(wire, claimed, "utf-8-sig"),
        end="asOf",
        changed=lambda wire, _: wire.updated.max().astype(datetime),
    ),
    DEFECTS,
    timedelta(),
)
