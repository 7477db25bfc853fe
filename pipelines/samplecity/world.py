"""The city itself: its streets, communities, problem classes, days, and the dice they are thrown with.

Nothing here knows a feed or a file format. Times are naive local times of Beijing (numpy datetime64[s]),
because that is what the sources write; only dialects turn them into UTC.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

BEIJING = ZoneInfo("Asia/Shanghai")
DEMO_DAYS = 3
HISTORY_DAYS = 20
PULL_DELAY = timedelta(minutes=40)
"""How long after the end of its window a demo day is pulled."""

CLEANED_AFTER = timedelta(days=12)
"""How long after the first demo day offices clean their tables, which deletes some rows for good."""

Objects = npt.NDArray[np.object_]
Instants = npt.NDArray[np.datetime64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
NEVER = np.datetime64("NaT", "s")


@dataclass(frozen=True)
class City:
    """Which city: the same values always give the same bytes at the same clock."""

    seed: int = 7
    scale: float = 1.0
    first_day: date = date(2026, 11, 17)
    defect_share: float = 0.03
    history_days: int = HISTORY_DAYS

    @property
    def history_start(self) -> date:
        """First day of which the sources still hold records."""
        return self.first_day - timedelta(days=self.history_days)

    @property
    def cleaned_at(self) -> datetime:
        """When offices delete some of their rows, long after the demo."""
        return datetime.combine(self.first_day, datetime.min.time()) + CLEANED_AFTER

    def demo_index(self, day: date) -> int | None:
        """0, 1, 2 on the demo days, None on any other day."""
        index = (day - self.first_day).days
        return index if 0 <= index < DEMO_DAYS else None

    def dice(self, purpose: str, day: date | None = None) -> np.random.Generator:
        """Random numbers that depend on the city, the purpose and the day, and on nothing else."""
        ordinal = day.toordinal() if day else 0
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode()), ordinal])

    def rows_on(self, day: date, per_day: float, purpose: str) -> int:
        """How many records of a feed begin on `day`: busier on Mondays, quieter at weekends, never none."""
        week = (1.15, 1.05, 1.0, 1.0, 1.0, 0.9, 0.85)[day.weekday()]
        wobble = float(self.dice(purpose + "/volume", day).uniform(0.95, 1.05))
        return max(1, round(per_day * self.scale * week * wobble))


@dataclass(frozen=True)
class Street:
    """One of the seven streets, with the names people write for it and estates its communities are named after."""

    code: str
    name: str
    aliases: tuple[str, ...]
    population: int
    lon: float
    lat: float
    programme: str
    estates: tuple[str, ...]
    community_count: int


STREETS = (
    Street("110114007", "东小口地区", ("东小口镇", "东小口", "东小口地区办事处"), 85_874, 116.392, 40.054, "YHHS",
           ("天通东苑", "中滩", "太平家园", "都市芳园", "森林大第", "半塔", "贺村", "芍药居北里"), 24),
    Street("110114008", "天通苑北街道", ("天北街道", "天北", "天通苑北街道办事处"), 142_707, 116.413, 40.083, "TBJY",
           ("天通北苑", "天通中苑", "天通西三苑", "清水园", "太平庄"), 17),
    Street("110114009", "天通苑南街道", ("天南街道", "天南", "天通苑南街道办事处"), 79_000, 116.415, 40.062, "TNGJ",
           ("天通苑老区", "嘉诚花园", "天通西苑", "陈营", "佳运园"), 17),
    Street("110114010", "霍营街道", ("霍营", "霍营街道办事处"), 93_545, 116.363, 40.074, "HYGJ",
           ("华龙苑", "霍营小区", "流星花园", "龙锦苑东", "上坡佳园", "蓝天园"), 18),
    Street("110114011", "回龙观街道", ("回龙观", "回龙观街道办事处"), 166_074, 116.336, 40.076, "HJYS",
           ("龙跃苑", "龙腾苑", "龙禧苑", "龙华园", "龙博苑", "金域国际", "新龙城"), 26),
    Street("110114012", "龙泽园街道", ("龙泽园", "龙泽", "龙泽园街道办事处"), 181_906, 116.316, 40.070, "LZGJ",
           ("龙泽苑", "云趣园", "风雅园", "国风美唐", "通达园", "北店嘉园"), 20),
    Street("110114013", "史各庄街道", ("史各庄", "史各庄街道办事处"), 64_910, 116.292, 40.097, "SGZG",
           ("领秀慧谷", "定福黄庄", "北四村", "朱辛庄"), 11),
)  # fmt: skip


@dataclass(frozen=True)
class Community:
    """A residents' committee: its own name is unique within the district."""

    name: str
    street: int
    rare_place: str


def _communities() -> tuple[Community, ...]:
    numerals = "一二三四五六七八九"
    rare = ("䶮", "㛃", "𠮷")
    made = []
    for index, street in enumerate(STREETS):
        for number in range(street.community_count):
            estate = street.estates[number % len(street.estates)]
            part = numerals[number // len(street.estates)]
            made.append(Community(f"{estate}{part}社区", index, rare[number % 3] if number % 7 == 3 else ""))
    return tuple(made)


COMMUNITIES = _communities()
COMMUNITY_NAME = np.array([c.name for c in COMMUNITIES], dtype=object)
COMMUNITY_ESTATE = np.array([c.name.removesuffix("社区") + "区" for c in COMMUNITIES], dtype=object)
COMMUNITY_STREET = np.array([c.street for c in COMMUNITIES], dtype=np.int64)
COMMUNITY_CODE = np.array(
    [f"{street.code}{number:03d}" for street in STREETS for number in range(1, street.community_count + 1)],
    dtype=object,
)
COMMUNITY_RARE = np.array([f"{c.rare_place}园" if c.rare_place else "" for c in COMMUNITIES], dtype=object)
COMMUNITY_WEIGHT = np.array(
    [STREETS[c.street].population / STREETS[c.street].community_count for c in COMMUNITIES], dtype=float
)
COMMUNITY_WEIGHT /= COMMUNITY_WEIGHT.sum()


@dataclass(frozen=True)
class Problem:
    """A class of problem, as the hotline, the grid and the stewards each call it."""

    l1: str
    l2: str
    l3: str
    weight: float
    phrases: tuple[str, ...]
    grid_kind: str = ""
    grid_code: str = ""
    grid_name: str = ""
    service: str = ""


PROBLEMS = (
    Problem("市政设施", "道路破损", "路面坑洼", 7, ("路面坑洼不平", "便道砖松动塌陷"), "部件", "0201", "道路路面", "道路设施"),
    Problem("市政设施", "井盖问题", "井盖缺失", 5, ("井盖缺失", "井盖破损有异响"), "部件", "0101", "上水井盖", "道路设施"),
    Problem("市政设施", "路灯问题", "路灯不亮", 4, ("路灯连续三天不亮", "路灯杆倾斜"), "部件", "0115", "路灯", "道路设施"),
    Problem("公共服务", "供暖", "室温不达标", 12, ("暖气不热，室温只有14℃", "暖气漏水"), "", "", "", "供暖"),
    Problem("公共服务", "供水", "停水", 5, ("家中停水", "水压不足"), "", "", "", "供水"),
    Problem("市容环境", "垃圾清运", "暴露垃圾", 9, ("垃圾堆放无人清运", "垃圾桶满溢"), "事件", "1101", "暴露垃圾", "环境卫生"),
    Problem("市容环境", "占道经营", "无照游商", 5, ("游商占道经营", "店外经营占用便道"), "事件", "1501", "占道经营", "环境卫生"),
    Problem("园林绿化", "树木养护", "树枝遮挡", 3, ("树枝遮挡窗户", "树木倾倒风险"), "部件", "0401", "行道树", "绿化"),
    Problem("园林绿化", "绿地管理", "毁绿种菜", 2, ("绿地被圈占种菜", "草坪裸露"), "事件", "1105", "绿地脏乱", "绿化"),
    Problem("交通", "停车管理", "乱停车", 9, ("消防通道被占用停车", "共享单车淤积"), "事件", "1506", "机动车乱停放", "停车"),
    Problem("交通", "公共交通", "公交间隔", 4, ("公交车间隔时间过长", "早高峰地铁限流"), "", "", "", ""),
    Problem("物业", "物业服务", "电梯故障", 8, ("电梯频繁故障", "电梯停运"), "", "", "", "物业"),
    Problem("物业", "物业收费", "停车费", 4, ("物业擅自涨停车费", "物业费不透明"), "", "", "", "物业"),
    Problem("社会秩序", "噪音扰民", "施工噪音", 7, ("夜间施工噪音扰民", "广场舞噪音"), "事件", "1301", "施工扰民", "邻里"),
    Problem("劳动保障", "欠薪", "拖欠工资", 3, ("工地拖欠工资", "公司拖欠工资"), "", "", "", ""),
    Problem("教育", "入学", "幼儿园学位", 3, ("咨询幼儿园学位", "希望增加小学学位"), "", "", "", ""),
    Problem("医疗卫生", "社区医疗", "预约挂号", 2, ("社区医院挂号难", "希望增加慢病用药"), "", "", "", "养老助残"),
    Problem("市场管理", "消费纠纷", "预付卡退费", 5, ("健身房预付卡退费", "超市缺斤短两"), "", "", "", ""),
)  # fmt: skip
PROBLEM_WEIGHT = np.array([p.weight for p in PROBLEMS], dtype=float)
PROBLEM_WEIGHT /= PROBLEM_WEIGHT.sum()
GRID_PROBLEMS = np.array([i for i, p in enumerate(PROBLEMS) if p.grid_code], dtype=np.int64)
STEWARD_PROBLEMS = np.array([i for i, p in enumerate(PROBLEMS) if p.service], dtype=np.int64)

# Share of a day's calls by hour: a night trough, a peak between nine and eleven.
_HOURS = np.array(
    [1, 1, 0.6, 0.5, 0.5, 0.8, 2, 4, 7, 10, 10, 8, 6, 6, 7, 7, 6, 5, 5, 4, 4, 3, 2, 1.5], dtype=float
)
HOUR_SHARE = _HOURS / _HOURS.sum()


def midnight(day: date) -> np.datetime64:
    """00:00 of `day`, local."""
    return np.datetime64(day.isoformat(), "s")


def local(instant: datetime) -> datetime:
    """`instant` as a naive Beijing time; a naive one is taken to be that already."""
    return instant.astimezone(BEIJING).replace(tzinfo=None) if instant.tzinfo else instant


def stamp(instant: datetime) -> np.datetime64:
    """`instant` (aware or Beijing) for comparison with the city's times."""
    return np.datetime64(local(instant).replace(microsecond=0), "s")


def times_of_day(dice: np.random.Generator, day: date, count: int) -> Instants:
    """`count` sorted instants of `day`, spread over its hours as calls are."""
    hours = dice.choice(24, size=count, p=HOUR_SHARE)
    seconds = np.sort(hours * 3600 + dice.integers(0, 3600, count))
    return midnight(day) + seconds.astype("timedelta64[s]")


def later(start: Instants, dice: np.random.Generator, low_minutes: float, high_minutes: float) -> Instants:
    """Each start plus a random delay; short delays are likelier than long ones."""
    share = dice.random(len(start)) ** 2
    seconds = (60 * (low_minutes + share * (high_minutes - low_minutes))).astype(np.int64)
    return np.asarray(start + seconds.astype("timedelta64[s]"))


@lru_cache(maxsize=8)
def street_spellings(index: int) -> Objects:
    """Ways people and systems write a street; all of them name it without doubt."""
    street = STREETS[index]
    wide = street.code.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    return np.array(
        [street.name] * 6
        + [street.code] * 3
        + [f"北京市昌平区{street.name}", f"昌平区{street.name}", *street.aliases]
        + [wide, f"{street.code}000", f"{street.code}.0"],
        dtype=object,
    )


def spell_streets(streets: Ints, salt: Ints) -> Objects:
    """The streets as written in the record; `salt` keeps each record's spelling the same for ever."""
    written = np.empty(len(streets), dtype=object)
    for index in range(len(STREETS)):
        rows = streets == index
        spellings = street_spellings(index)
        written[rows] = spellings[salt[rows] % len(spellings)]
    return written
