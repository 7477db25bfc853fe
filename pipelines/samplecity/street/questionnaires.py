"""Street questionnaires: answers of two half-yearly surveys, counted by street and age. No single answer is sent.

A count of one to four is withheld: the cell holds ＜5, and a column says so.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, dialects
from pipelines.samplecity.defects import Defect, change, plant, put, spread
from pipelines.samplecity.source import Source, register
from pipelines.samplecity.wire import Wire, join
from pipelines.samplecity.world import STREETS, City, Ints, Objects, spell_streets

FEED = "street_questionnaires"
SMALL = 5
SAMPLE = 1_200
SURVEYS = (("SAT-2026H1", date(2026, 5, 15)), ("SAT-2026H2", date(2026, 11, 12)))
AGES = ("18-34岁", "35-49岁", "50-64岁", "65岁及以上")
AGE_SHARE = np.array([0.34, 0.32, 0.22, 0.12])
# Question, its options, and how likely each is; the second asks which field needs most to be done.
QUESTIONS = (
    ("Q01", "总体满意度", ("很满意", "满意", "一般", "不满意", "很不满意"), (0.27, 0.38, 0.24, 0.08, 0.03)),
    ("Q02", "最需改善的方面", ("教育", "医疗卫生养老", "绿化文体", "交通", "市政设施", "社会管理"),
     (0.14, 0.16, 0.10, 0.29, 0.17, 0.14)),
)  # fmt: skip


def _too_many(wire: Wire, rows: Ints) -> None:
    for row in rows:
        wire.columns["人数"][row] = wire.columns["作答人数"][row] + 30
        wire.columns["是否隐去"][row] = "否"


DEFECTS = (
    Defect("R9", ("required:response_base",), (put("作答人数", None),)),
    Defect("R9", ("rule:count_unless_withheld",), (put("人数", None), put("是否隐去", "否"))),
    Defect("4.8", ("rule:small_counts_are_withheld",), (put("人数", 3), put("是否隐去", "否"))),
    Defect("4.8", ("rule:withheld_has_no_count",), (put("人数", 12), put("作答人数", 40), put("是否隐去", "是"))),
    Defect("R12", ("rule:count_within_base",), (_too_many,)),
    Defect("R21", ("enum:respondent_age_band",), (put("年龄段", "未成年人"),)),
    Defect("R21", ("enum:package_code",), (put("涉及任务包", "生态环境"),)),
    Defect("E11", ("pattern:survey_id",), (change("问卷编号", lambda text: text.replace("-", "")),)),
    Defect("A5", ("area:street_code",), (put("街道", "区统计局"),)),
    Defect("A4", ("area:street_code",), (put("街道", "回龙观镇"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)  # fmt: skip


@lru_cache(maxsize=4)
def snapshot(city: City, as_of: date) -> Wire:
    """All counts published by the first instant of `as_of`."""
    number = sum(held <= as_of for _, held in SURVEYS)
    wire = join([_survey(city, *survey, as_of) for survey in SURVEYS[: max(1, number)]])
    drawn = spread(city, FEED, len(wire), DEFECTS)
    return plant(wire, drawn, DEFECTS, put("题目", "总体满意度（补报）"))


def _survey(city: City, survey: str, held: date, as_of: date) -> Wire:
    dice = city.dice("questionnaires", held)
    weight = np.array([street.population for street in STREETS], dtype=float)
    base = dice.multinomial(SAMPLE, np.outer(weight / weight.sum(), AGE_SHARE).ravel()).reshape(
        len(STREETS), -1
    )
    rows: list[tuple[object, ...]] = []
    for question, title, options, shares in QUESTIONS:
        for street in range(len(STREETS)):
            for age, band in enumerate(AGES):
                counts = dice.multinomial(base[street, age], shares)
                for place, (option, count) in enumerate(zip(options, counts.tolist(), strict=True)):
                    small = 0 < count < SMALL
                    rows.append(
                        (survey, question, "ABCDEF"[place], street, band, held.isoformat(), title, option,
                         option if question == "Q02" else "无", "＜5" if small else count, "是" if small else "否",
                         int(base[street, age]), f"{held} 18:00:00")
                    )  # fmt: skip
    names = ("问卷编号", "题目编号", "选项编号", "街道", "年龄段", "调查日期", "题目", "选项", "涉及任务包", "人数",
             "是否隐去", "作答人数", "发布时间")  # fmt: skip
    count = len(rows)
    columns: dict[str, Objects] = {}
    for place, name in enumerate(names):
        columns[name] = np.empty(count, dtype=object)
        columns[name][:] = [row[place] for row in rows]
    salt = dice.integers(0, 2**31, count)
    columns["街道"] = spell_streets(columns["街道"].astype(np.int64), salt)
    true_id = np.array([f"{survey}/{number}" for number in range(count)], dtype=object)
    midnight = np.full(count, np.datetime64(as_of.isoformat(), "s"))
    return Wire("问卷编号", columns, midnight, salt, true_id, true_id.copy(), np.arange(count))


SOURCE = Source(
    FEED,
    "/survey/counts.csv",
    register(snapshot),
    desks.File(
        "counts.csv",
        desks.CSV,
        lambda wire, _, claimed: dialects.counted_csv(wire, claimed, "utf-8-sig"),
        end="as_of",
    ),
    DEFECTS,
)
