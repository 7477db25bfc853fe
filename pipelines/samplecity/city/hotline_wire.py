"""How the hotline centre's table looks at a clock: the wire columns of `city_hotline_orders`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, dialects, spots, words
from pipelines.samplecity.city.hotline import (
    CALLBACK,
    CLOSED,
    CONTACTED,
    CORRECTED,
    CREATED,
    DEFECTS,
    DISPATCHED,
    ENQUIRY,
    EXCLUDED,
    FEED,
    KINDS,
    LOOK_BACK,
    MENDED,
    RECALLED,
    RECLOSED,
    REINSTATED,
    REOPENED,
    ROLES,
    SEPARATORS,
    SMOKING,
    Orders,
    has_point,
    is_moved,
    is_vague,
    is_withheld,
    orders,
    role_of,
)
from pipelines.samplecity.defects import NONE, plant, put
from pipelines.samplecity.source import Source, cleaned, incremental
from pipelines.samplecity.wire import MIDNIGHT, Wire, empty_objects, join, numbered, only_where, text_of_times
from pipelines.samplecity.world import (
    COMMUNITY_ESTATE,
    COMMUNITY_NAME,
    COMMUNITY_STREET,
    NEVER,
    PROBLEMS,
    Bools,
    City,
    Ints,
    Objects,
    spell_streets,
    stamp,
)

RESOURCE = "hotline-orders"

CATEGORY = np.array(
    [[separator.join((p.l1, p.l2, p.l3)) for separator in SEPARATORS] for p in PROBLEMS], dtype=object
)
PHRASE = np.array([p.phrases for p in PROBLEMS], dtype=object)
OPENINGS = np.array(["市民来电反映，", "市民来电反映，", "来电人称", "市民通过网络反映："], dtype=object)
EFFECTS = np.array(
    [
        "，影响居民出行，",
        "，已经持续三天，",
        "，老人孩子经过很危险，",
        "，多次反映没有结果，",
        "，夜间尤其严重，",
        "，周边居民意见很大，",
        "，",
    ],
    dtype=object,
)
WISHES = np.array(
    [
        "请尽快处理。",
        "希望相关部门派人查看。",
        "要求给出明确答复。",
        "希望本周内解决。",
        "请街道协调责任单位。",
    ],
    dtype=object,
)
RESULTS = np.array(
    [
        "已派人现场处理，问题已解决。",
        "已联系责任单位，\n三日内整改。",
        '经核实已"立行立改"。',
        "已向来电人解释说明。",
    ],
    dtype=object,
)
WIDE = str.maketrans("0123456789-HL", "０１２３４５６７８９－ＨＬ")


@lru_cache(maxsize=16)
def snapshot(city: City, clock: datetime) -> Wire:
    """The whole table as it stands at `clock`, in the order of `_id`: the order in which rows appeared."""
    day, parts = city.history_start, []
    while day <= clock.date():
        parts.append(wire_of(orders(city, day), stamp(clock)))
        day += timedelta(days=1)
    joined = join(parts)
    joined = joined.take(np.argsort(joined.order, kind="stable"))
    joined.columns["_id"] = np.arange(1, len(joined) + 1).astype(object)
    return cleaned(city, joined, clock)


def wire_of(known: Orders, clock: np.datetime64) -> Wire:
    """One day's orders as they stand at `clock`, defects planted and labelled."""
    happened = known.events <= clock
    there = np.flatnonzero(happened[:, CREATED] & (known.appears <= clock))
    events = np.where(happened, known.events, NEVER)[there]
    done = happened[there]
    salt, kind, category = known.salt[there], known.kind[there], known.category[there]
    phone = known.phone[there]
    community = _community_now(known.community[there], done, phone)
    smoking = kind == SMOKING
    plain = known.drawn[there] != NONE
    # A style that drops the seconds would make half a minute of skew look like a defect.
    exact = plain | (events[:, CONTACTED] < events[:, DISPATCHED])
    style = np.where(exact | (salt % 10 < 7), 0, 1 + salt // 10 % 3)
    reopened = done[:, REOPENED]
    closed = np.where(done[:, RECLOSED], events[:, RECLOSED], np.where(reopened, NEVER, events[:, CLOSED]))
    called = np.where(done[:, RECALLED], events[:, RECALLED], events[:, CALLBACK])
    phones = words.mobiles(phone)
    withheld = is_withheld(phone)
    accounts = words.phones_as_written(phones, np.where(salt % 5 == 4, salt // 5 % 5, 0))
    accounts[withheld] = np.where(salt[withheld] % 2 == 0, "保密", "匿名")
    names = np.array([words.person(number) for number in range(100)], dtype=object)[salt // 11 % 100]
    names[withheld] = "保密"
    ids = known.ids[there].copy()
    for row in np.flatnonzero(~plain & (salt % 97 == 0)):
        ids[row] = ids[row].translate(WIDE)
    spot, wording = known.spot[there], known.wording[there]
    phrase = PHRASE[category, wording // 10 % 2]
    estate = COMMUNITY_ESTATE[community]
    title = np.where(smoking, "举报室内吸烟", phrase)
    title = np.where(salt % 61 == 0, "关于测试点位附近" + title, title)
    title = np.where(done[:, CORRECTED] & ~is_moved(phone), title + "（补充）", title)
    lon, lat = (
        only_where(has_point(wording), np.array([f"{value:.6f}" for value in axis], dtype=object))
        for axis in spots.points(community, spot, salt)
    )
    categories = CATEGORY[category, salt // 3 % len(SEPARATORS)]
    categories[smoking] = None
    columns: dict[str, Objects] = {
        "工单编号": ids,
        "版本号": done.sum(axis=1).astype(object),
        "最后修改时间": text_of_times(np.fmax.reduce(events, axis=1), np.where(salt % 10 == 9, 1, 0)),
        "工单类型": KINDS[kind],
        "问题分类": categories,
        "标题": title,
        "主要内容": _contents(known, there, estate + spots.words(spot) + phrase, phones, salt),
        "办理结果": only_where(~np.isnat(closed), RESULTS[salt // 5 % len(RESULTS)]),
        "来电人": names,
        "来电人电话/账号": accounts,
        "被反映区": empty_objects(len(there), "昌平区"),
        "被反映街乡镇": spell_streets(COMMUNITY_STREET[community], salt // 13),
        "村/社区": np.where(is_vague(phone), "不详", COMMUNITY_NAME[community]),
        "小区点位": estate
        + numbered("", spots.building(spot), 1)
        + "号楼"
        + numbered("", 1 + salt % 6, 1)
        + "单元",
        "经度": lon,
        "纬度": lat,
        "受理时间": text_of_times(events[:, CREATED], style),
        "派单时间": text_of_times(events[:, DISPATCHED], np.where(style == 1, 1, 0)),
        "首次联系时间": text_of_times(events[:, CONTACTED], style),
        "办结时间": text_of_times(closed, np.where(plain, 0, MIDNIGHT)),
        "回访时间": text_of_times(called, style),
        "工单状态": _status(done, salt),
        "是否解决": _answer(
            np.array(["解决", "解决", "解决", "解决", "未解决", "部分解决"], dtype=object), done, salt, kind
        ),
        "是否满意": _answer(
            np.array(["满意", "满意", "基本满意", "非常满意", "不满意", "未评价", "满意"], dtype=object),
            done,
            salt // 3,
            kind,
        ),
        "工单性质": ROLES[role_of(salt)],
        "是否剔除": np.array(["否", "是"], dtype=object)[
            (done[:, EXCLUDED] & ~done[:, REINSTATED]).astype(int)
        ],
    }
    wire = Wire(
        "工单编号",
        columns,
        np.fmax.reduce(events, axis=1),
        salt,
        known.problem[there],
        known.ids[there],
        known.appears[there],
    )
    wire.evidence = known.tie[there]
    shown = np.where(done[:, MENDED], NONE, known.drawn[there])
    return plant(wire, shown, DEFECTS, put("标题", "补录：重复推送"))


def _community_now(community: Ints, done: Bools, phone: Ints) -> Ints:
    """A correction moves some orders to the next community, and with it some to another street."""
    moved = done[:, CORRECTED] & is_moved(phone)
    return np.where(moved, (community + 1) % len(COMMUNITY_NAME), community)


def _contents(known: Orders, there: Ints, matter: Objects, phones: Objects, salt: Ints) -> Objects:
    wording = known.wording[there]
    text = np.asarray(
        OPENINGS[wording // 20 % len(OPENINGS)]
        + matter
        + EFFECTS[wording // 101 % len(EFFECTS)]
        + WISHES[wording // 1009 % len(WISHES)],
        dtype=object,
    )
    day = f"{known.day:%Y-%m-%d}"
    for row in np.flatnonzero(salt % 4 == 0):
        text[row] += words.mention(int(salt[row] // 4), phones[row], int(salt[row]), day)
    for row in np.flatnonzero(salt % 41 == 5):
        text[row] += '\n补充：约30㎡，①已拍照，"物业"不管。\t谢谢'
    return text


def _status(done: Bools, salt: Ints) -> Objects:
    status = empty_objects(len(salt), "已受理")
    for step, label in ((DISPATCHED, "已派单"), (CONTACTED, "办理中"), (CLOSED, "已办结"), (CALLBACK, "已回访"),
                        (REOPENED, "重办"), (RECLOSED, "已办结"), (RECALLED, "已回访")):  # fmt: skip
        status[done[:, step]] = label
    closed = status == "已办结"
    status[closed] = np.array(["已办结", "已办结", "办结", "办理完毕"], dtype=object)[salt[closed] % 4]
    return status


def _answer(answers: Objects, done: Bools, salt: Ints, kind: Ints) -> Objects:
    """What the caller says at callback; after a second callback the problem is solved."""
    said = answers[salt % len(answers)]
    reopened = done[:, REOPENED]
    said[reopened] = "未解决" if answers[0] == "解决" else "不满意"
    said[done[:, RECALLED]] = answers[0]
    said[~done[:, CALLBACK] | (kind == SMOKING) | (kind == ENQUIRY)] = None
    return said


def hotline_json_pages(
    rows: int, page_size: int, seed: int = 7, day: date = date(2026, 11, 17), defect_share: float = 0.03
) -> Iterator[bytes]:
    """`rows` hotline orders as CKAN answers of `page_size` records, whatever the city's size; for the bench."""
    city = City(seed=seed, first_day=day, defect_share=defect_share)
    chunk, sent = min(max(rows, 1000), 100_000), 0
    waiting: list[str] = []
    fields: list[str] = []
    while sent < rows:
        if len(waiting) < min(page_size, rows - sent):
            known = orders.__wrapped__(city, day, chunk)
            # Far in the future everything has happened; only row counts matter to the bench.
            wire = wire_of(known, np.datetime64("2030-01-01", "s"))
            waiting.extend(dialects.json_records(wire))
            fields = list(wire.columns)
            day += timedelta(days=1)
            continue
        count = min(page_size, rows - sent)
        yield dialects.ckan_envelope(waiting[:count], fields, rows, page_size, sent, RESOURCE)
        del waiting[:count]
        sent += count


SOURCE = Source(
    FEED,
    "/api/3/action/datastore_search",
    incremental(snapshot),
    desks.Ckan(resource=RESOURCE, changed="最后修改时间"),
    DEFECTS,
    LOOK_BACK,
    snapshot,
)
