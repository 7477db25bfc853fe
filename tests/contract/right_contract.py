"""A small right contract of a made-up city."""

RIGHT = """\
apiVersion: v3.2.0
kind: DataContract
id: district_pool_visits
name: Visits to the pools
version: 1.0.0
status: active
description:
  purpose: Who swims where.
servers:
  - server: sample
    type: api
    location: ${SAMPLE_CITY_URL:-http://127.0.0.1:8600}/pools/{start:%Y%m%d}.csv
    customProperties:
      - property: connector
        value: file
      - property: format
        value: csv
      - property: query
        value:
          since: "{start:%Y-%m-%d}"
schema:
  - name: pool_visits
    businessName: 泳池
    logicalType: object
    description: One row per visit.
    properties:
      - name: visit_id
        businessName: 编号
        logicalType: string
        required: true
        primaryKey: true
        description: Number of the visit.
        logicalTypeOptions:
          pattern: ^V[0-9]{4}$
      - name: changed_at
        businessName: 更新时间
        logicalType: timestamp
        required: true
        description: When the row was last changed.
      - name: visited_on
        businessName: 日期
        logicalType: date
        required: true
        description: Day of the visit.
      - name: street_code
        businessName: 街道
        logicalType: string
        required: true
        description: Street of the pool.
        customProperties:
          - property: area
            value:
              level: street
              asOf: visited_on
      - name: pool_kind
        businessName: 类型
        logicalType: string
        description: What kind of pool it is.
        enum:
          - value: indoor
            label: 室内
          - value: outdoor
            label: 室外
            customProperties:
              - property: wire
                value: [露天]
      - name: lanes
        logicalType: integer
        description: Lanes swum.
        logicalTypeOptions:
          minimum: 0
          maximum: 99
      - name: remark_text
        logicalType: string
        description: Remark.
    quality:
      - id: dry_pools_have_no_lanes
        type: sql
        description: A dry pool has no lanes. 干池没有泳道。
        severity: error
        query: select count(*) from {object} where pool_kind = 'dry' and lanes > 0
        mustBe: 0
slaProperties:
  - property: latency
    value: 2
    unit: h
team:
  name: pool-office
customProperties:
  - property: level
    value: district
  - property: schedule
    value: 10 * * * *
  - property: timezone
    value: Europe/Paris
  - property: lookBack
    value: 72h
  - property: versionColumns
    value: [changed_at]
"""
