"""What states and levels are called, in English and Chinese; for the screen and for messages."""

from __future__ import annotations

STATES = {
    "waiting": "未到时",
    "ok": "正常",
    "learning": "观察期",
    "late": "迟到",
    "missing": "缺失",
    "partial": "不完整",
    "drifted": "异常偏多",
    "quarantined": "未通过",
    "held": "待审批",
    "refused": "拒收",
}
LEVELS = {"city": "市", "district": "区", "street": "街道"}
