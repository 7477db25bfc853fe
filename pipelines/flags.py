"""What staging mends in a row, as it stands in `_dq_flags`: `<column>:<defect>`, `_file:<defect>` for a whole part.

The one list of these words; `contracts/README.md` explains the same rows to people, and a test compares both.
A warning of the contract stands in `_dq_flags` under its rule's name instead, such as `rule:component_named`.
"""

from __future__ import annotations

from dataclasses import dataclass

FILE = "_file"
"""Stands where the column's name does when a whole part was mended."""


@dataclass(frozen=True)
class Flag:
    """One thing that is mended. `identifier` is the defect's number in the list of defects to expect."""

    name: str
    identifier: str
    english: str
    chinese: str


FLAGS = (
    Flag(
        "re_decoded",
        "E1",
        "The part was not in the encoding its contract declares.",
        "编码与声明不符，已重新解码",
    ),
    Flag("byte_order_mark", "E4", "Byte order marks inside the part were taken out.", "去除文件中的 BOM"),
    Flag(
        "gb18030_2022",
        "E6",
        "Private-use characters became those of GB 18030-2022.",
        "专用区字符按 GB 18030-2022 转换",
    ),
    Flag("half_width", "E7", "Full-width letters or digits became half-width.", "全角转半角"),
    Flag("look_alike", "E9", "A letter that only looks right became the right one.", "形近字符已更正"),
    Flag("epoch", "T3", "A count of seconds or milliseconds since 1970 became a time.", "时间戳转为时间"),
    Flag("no_date", "T4", "A date that means no date, such as 0000-00-00, became empty.", "占位日期置空"),
    Flag(
        "clamped",
        "T5",
        "A time up to a minute before what it follows became that time.",
        "时间略早于前一环节，已对齐",
    ),
    Flag(
        "clock_skew",
        "T6",
        "A time a few minutes after the pull became the time of the pull.",
        "时间略晚于采集时间，已对齐",
    ),
    Flag("24_hours", "T7", "24:00 became 00:00 of the next day.", "24:00 改为次日 00:00"),
    Flag("excel_serial", "E11", "A spreadsheet's number of days became a date.", "表格日期序号转为日期"),
    Flag(
        "community_moved",
        "A6",
        "A community's code stood under its old street; the street became the one it belonged to that day.",
        "社区已划转，改为当日所属街道",
    ),
    Flag(
        "community_elsewhere",
        "A6",
        "The community named lies in another street; the street given was kept.",
        "社区与街道不符，保留所填街道",
    ),
    Flag(
        "retired_name",
        "A4",
        "The name was retired by then; the area was found otherwise.",
        "名称已撤销，按其他信息判定",
    ),
    Flag(
        "found_by_community",
        "A4",
        "The column named no area; the community did.",
        "按社区判定",
    ),
    Flag(
        "found_by_coordinates",
        "A4",
        "The column named no area; the boundary the point lies in did.",
        "按坐标判定",
    ),
    Flag(
        "found_by_address",
        "A4",
        "The column named no area; the beginning of the address did.",
        "按地址判定",
    ),
    Flag(
        "before_operating",
        "A4",
        "The area was named before it began to work.",
        "该单位当日尚未运行",
    ),
    Flag(
        "centroid",
        "A11",
        "Many rows share this point: it is the middle of an area, not a place.",
        "多行坐标相同，疑为中心点",
    ),
    Flag("filled_down", "R10", "A word for the value above became that value.", "“同上”已填为上一行的值"),
    Flag("thousands", "R12", "A number was written with separators for thousands.", "含千位分隔符的数字"),
    Flag("chinese_numeral", "R12", "A number was written in Chinese numerals.", "中文数字转为数值"),
    Flag("approximate", "R12", "The number is approximate.", "约数"),
)
BY_NAME = {flag.name: flag for flag in FLAGS}


def is_mended(flag: str) -> bool:
    """Whether an entry of `_dq_flags` tells of something mended, rather than of a warning."""
    return flag.partition(":")[2] in BY_NAME
