"""A project with two models about ships, of which Huitian has none."""

from __future__ import annotations

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: governance_harbour_days
name: Harbour days
version: 1.0.0
status: active
description:
  purpose: Ships per day.
schema:
  - name: harbour_days
    businessName: 港口日
    logicalType: object
    description: One row per day.
    properties:
      - name: day
        businessName: 日
        logicalType: date
        required: true
        primaryKey: true
        description: Day in port.
      - name: ship_count
        businessName: 船数
        logicalType: integer
        required: true
        description: Ships that came.
team:
  name: harbour
customProperties:
  - property: level
    value: governance
"""
SHIPS = "-- core.ships\n-- One row per ship.\nselect * from city.ships\n"
DAYS = """\
-- governance.harbour_days
-- One row per day.
select day, count(*) as ship_count from core.ships group by all
"""
CHECKS = """\
-- check: a day has at most two ships
select * from model where ship_count > 2;

-- check: no ship comes on a Sunday
select * from model where dayofweek(day) = 0;
"""
FILES = {
    "contracts/governance/harbour_days.odcs.yaml": CONTRACT,
    "warehouse/core/ships.sql": SHIPS,
    "warehouse/governance/harbour_days.sql": DAYS,
    "warehouse/governance/harbour_days.checks.sql": CHECKS,
}
