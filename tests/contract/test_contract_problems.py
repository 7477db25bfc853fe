"""Each way a contract can be wrong, with the one sentence it gets: no more, no less."""

from __future__ import annotations

import pytest

TEXT = "      - name: remark_text\n        logicalType: string\n        description: Remark.\n"
RULE = (
    "        query: select count(*) from {object} where pool_kind = 'dry' and lanes > 0\n        mustBe: 0\n"
)
SERVER = "      - property: connector\n        value: file\n"
CONTRACT = "  - property: lookBack\n    value: 72h\n"


def column(lines: str) -> tuple[str, str]:
    """The remark column with more keys."""
    return TEXT, TEXT + "".join(f"        {line}\n" for line in lines.splitlines())


def custom(name: str, value: str) -> tuple[str, str]:
    """The remark column with one custom property."""
    return column(f"customProperties:\n  - property: {name}\n    value: {value}")


def server(name: str, value: str) -> tuple[str, str]:
    return SERVER, f"{SERVER}      - property: {name}\n        value: {value}\n"


def whole(name: str, value: str) -> tuple[str, str]:
    return CONTRACT, f"{CONTRACT}  - property: {name}\n    value: {value}\n"


def body(lines: str) -> tuple[str, str]:
    """The one rule with another body; its description stays."""
    words = "        description: A dry pool has no lanes. 干池没有泳道。\n"
    old = f"        type: sql\n{words}        severity: error\n{RULE}"
    return old, words + "".join(f"        {line}\n" for line in lines.splitlines())


GONE = "100: custom property 'versionColumns' names column 'changed_at', which is gone once the rows are summed up"

CASES = {
    # Rows that are summed up.
    "a measure nobody makes": (
        column("semanticType: measure"),
        [
            "73: property 'remark_text' is a measure, so it needs the 'transformLogic' that makes it",
            GONE,
        ],
    ),
    "logic that neither groups nor sums up": (
        column("transformLogic: count(*)"),
        [
            "73: property 'remark_text' has a 'transformLogic', but no semanticType to say whether it groups "
            "(dimension) or sums up (measure)"
        ],
    ),
    "a dimension and no measure": (
        column("semanticType: dimension"),
        [
            "73: property 'remark_text' is a dimension, but there is no measure: nothing is summed up",
            "73: property 'remark_text' is a dimension, so it is part of the primary key",
        ],
    ),
    # Keys nobody knows.
    "an unknown key of the contract": (
        ("status: active", "status: active\nstauts: active"),
        ["7: the contract has unknown key 'stauts'; did you mean 'status'?"],
    ),
    "an unknown key of a column": (
        column("requird: true"),
        ["76: property 'remark_text' has unknown key 'requird'; did you mean 'required'?"],
    ),
    "an unknown key of a server": (
        ("    type: api\n", "    type: api\n    locaton: x\n"),
        ["12: server 'sample' has unknown key 'locaton'; did you mean 'location'?"],
    ),
    "a key of another type of server": (
        ("    type: api\n", "    type: api\n    database: x\n"),
        ["12: server 'sample' has key 'database', which does not belong to an entry of this type"],
    ),
    "an unknown type of server": (
        ("    type: api\n", "    type: apii\n"),
        [
            "11: server 'sample' has type 'apii', expected one of api, athena, azure, bigquery, btrieve, "
            "clickhouse, databricks, denodo, dremio, duckdb, exasol, fastobjects, …; did you mean 'api'?"
        ],
    ),
    "an unknown key of a rule": (
        ("severity: error", "severty: error"),
        ["80: quality rule 'dry_pools_have_no_lanes' has unknown key 'severty'; did you mean 'severity'?"],
    ),
    "an unknown key of an allowed value": (
        ("label: 室内", "lable: 室内"),
        ["61: enum value 'indoor' of property 'pool_kind' has unknown key 'lable'; did you mean 'label'?"],
    ),
    "an unknown option of a type": (
        ("minimum: 0", "minimun: 0"),
        [
            "71: property 'lanes' has unknown key 'minimun'; did you mean 'minimum'?",
        ],
    ),
    "an option the standard knows and nothing here checks": (
        ("minimum: 0", "multipleOf: 5"),
        [
            "71: property 'lanes' has option 'multipleOf', which nothing checks for type integer; "
            "write a rule under 'quality' instead"
        ],
    ),
    "an unknown custom property of the contract": (
        ("property: lookBack", "property: lookback"),
        ["96: custom property 'lookback' is unknown; did you mean 'lookBack'?"],
    ),
    "an unknown custom property of a server": (
        ("property: connector", "property: conector"),
        [
            "10: server 'sample' lacks custom property 'connector'",
            "14: custom property 'conector' of server 'sample' is unknown; did you mean 'connector'?",
        ],
    ),
    "an unknown custom property of a column": (
        custom("privcy", "mask"),
        ["77: custom property 'privcy' of property 'remark_text' is unknown; did you mean 'privacy'?"],
    ),
    "an unknown custom property of an allowed value": (
        ("property: wire", "property: wires"),
        ["65: custom property 'wires' of enum value 'outdoor' is unknown; did you mean 'wire'?"],
    ),
    "a custom property at the wrong place": (
        custom("schedule", "x"),
        [
            "77: custom property 'schedule' of property 'remark_text' is unknown here; it belongs to a contract"
        ],
    ),
    "a custom property where nobody reads any": (
        (
            "  name: pool-office\n",
            "  name: pool-office\n  customProperties:\n    - {property: level, value: x}\n",
        ),
        ["90: custom property 'level' is read by nobody at this place; it belongs elsewhere"],
    ),
    "an unknown key inside a custom property": (
        ("asOf: visited_on", "asof: visited_on"),
        [
            "52: custom property 'area' of property 'street_code' lacks 'asOf'",
            "54: custom property 'area' of property 'street_code' has unknown key 'asof'; did you mean 'asOf'?",
        ],
    ),
    "a custom property given twice": (
        whole("lookBack", "24h"),
        ["98: custom property 'lookBack' is given twice"],
    ),
    # Values of the wrong kind.
    "a word where the standard wants a truth": (
        column("required: soon"),
        ["76: property 'remark_text' has required 'soon', expected true or false"],
    ),
    "a mistyped type": (
        ("logicalType: integer", "logicalType: integr"),
        [
            "68: property 'lanes' has logicalType 'integr', expected one of string, date, timestamp, time, number, "
            "integer, object, array, boolean, map, vector; did you mean 'integer'?"
        ],
    ),
    "a type this project does not store": (
        (
            "        logicalType: string\n        description: Remark.",
            "        logicalType: time\n        description: Remark.",
        ),
        [
            "74: property 'remark_text' has logicalType 'time', expected one of string, integer, number, boolean, "
            "date, timestamp, array; did you mean 'timestamp'?"
        ],
    ),
    "a column without a type": (
        ("        logicalType: integer\n", ""),
        ["67: property 'lanes' lacks 'logicalType'"],
    ),
    "a column without a name": (
        ("      - name: remark_text\n        logicalType", "      - logicalType"),
        ["73: property number 7 lacks 'name'"],
    ),
    "a secret that is a number": (
        whole("callerSecret", "7"),
        [
            "99: custom property 'callerSecret' is not a name of small letters and _; a contract names a secret and never holds one"
        ],
    ),
    "a truth where a list belongs": (
        custom("missingValues", "true"),
        [
            "78: custom property 'missingValues' of property 'remark_text' is true, expected a list of one or more"
        ],
    ),
    "an empty list": (
        custom("missingValues", "[]"),
        [
            "78: custom property 'missingValues' of property 'remark_text' is an empty list, expected a list of one or more"
        ],
    ),
    "a page size out of bounds": (
        server("maxBytes", "0"),
        ["17: custom property 'maxBytes' of server 'sample' is 0, expected a whole number from 1 to 1e+12"],
    ),
    "a share above one": (
        whole("rejectLimit", "20"),
        ["99: custom property 'rejectLimit' is 20, expected a number from 0 to 1"],
    ),
    "neither yes nor no": (
        whole("keepVersions", "2"),
        ["99: custom property 'keepVersions' is 2, expected true or false"],
    ),
    "an unknown way of privacy": (
        custom("privacy", "masc"),
        [
            "78: custom property 'privacy' of property 'remark_text' is 'masc', expected one of drop, token, mask, "
            "coarsen; did you mean 'mask'?"
        ],
    ),
    "an unknown connector": (
        ("value: file", "value: ckan2"),
        [
            "15: custom property 'connector' of server 'sample' is 'ckan2', expected one of ckan, socrata, file, daily_file, "
            "paged_json, open311, ngsi_ld, keyset, next_link, sensor_things; did you mean 'ckan'?"
        ],
    ),
    "an unknown format": (
        ("value: csv", "value: cvs"),
        [
            "17: custom property 'format' of server 'sample' is 'cvs', expected one of json, csv, xlsx, geojson, xml; "
            "did you mean 'csv'?"
        ],
    ),
    "an unknown encoding": (
        server("encoding", "utf-9"),
        [
            "17: custom property 'encoding' of server 'sample' is 'utf-9', expected one of utf-8, gb18030, gbk, big5, "
            "utf-16, latin-1; did you mean 'utf-8'?"
        ],
    ),
    "an encoding that is none": (
        server("encoding", "base64"),
        [
            "17: custom property 'encoding' of server 'sample' is 'base64', expected one of utf-8, gb18030, gbk, big5, "
            "utf-16, latin-1"
        ],
    ),
    "a time zone that is not": (
        ("value: Europe/Paris", "value: Europe/Pari"),
        [
            "95: custom property 'timezone' is 'Europe/Pari', expected a time zone such as Asia/Shanghai; "
            "did you mean 'Europe/Paris'?"
        ],
    ),
    "a time zone that is a path": (
        ("value: Europe/Paris", "value: ../../etc/passwd"),
        ["95: custom property 'timezone' is '../../etc/passwd', expected a time zone such as Asia/Shanghai"],
    ),
    "a duration in words": (
        ("value: 72h", "value: 3 days"),
        ["97: custom property 'lookBack' is '3 days', expected a duration such as 30m, 72h or 14d"],
    ),
    "a cron line with six fields": (
        ("value: 10 * * * *", "value: 0 10 * * * *"),
        [
            "93: custom property 'schedule' is '0 10 * * * *', but it has 6 fields, expected 5: minute hour day "
            "month weekday"
        ],
    ),
    "a cron line beyond the hour": (
        ("value: 10 * * * *", "value: 61 * * * *"),
        [
            "93: custom property 'schedule' is '61 * * * *', but its minute '61' lies outside 0-59 or runs backwards"
        ],
    ),
    "a day no month has": (
        ("value: 10 * * * *", "value: 0 0 31 2,4 *"),
        ["93: custom property 'schedule' is '0 0 31 2,4 *', but no month it names has such a day"],
    ),
    "a format without a part": (
        (
            "Day of the visit.\n",
            "Day of the visit.\n        customProperties: [{property: formats, value: [yyyy-MM-dd]}]\n",
        ),
        [
            "45: custom property 'formats' of property 'visited_on' is 'yyyy-MM-dd', but it has no part such as %Y"
        ],
    ),
    "a service level nobody knows": (
        ("property: latency", "property: latancy"),
        [
            "84: service level 'latancy' is unknown, expected one of latency, frequency, retention, endOfSupport; did you mean 'latency'?"
        ],
    ),
    "a service level in a unit nobody knows": (
        ("    unit: h", "    unit: hs"),
        [
            "86: service level 'latency' has unit 'hs', expected one of min, minute, minutes, h, hr, hour, hours, d, "
            "day, days, y, yr, …; did you mean 'h'?"
        ],
    ),
    "a service level of nothing": (
        ("    value: 2\n", "    value: 0\n"),
        ["85: service level 'latency' is 0, expected a number above zero"],
    ),
    # Who the file is.
    "an id of another file": (
        ("id: district_pool_visits", "id: district_pool_visit"),
        [
            "3: the contract has id 'district_pool_visit', expected 'district_pool_visits', as folder and file name say"
        ],
    ),
    "a table of another name": (
        ("- name: pool_visits", "- name: pools"),
        ["22: table 'pools' has name 'pools', expected 'pool_visits', as the file is called"],
    ),
    "two tables": (
        ("slaProperties:", "  - name: other\nslaProperties:"),
        ["21: the contract should describe exactly one table in 'schema', found 2"],
    ),
    "a level of another folder": (
        ("value: district", "value: street"),
        ["91: custom property 'level' is 'street', but the file stands in the folder of 'district'"],
    ),
    "an old version of the standard": (
        ("v3.2.0", "v3.1.0"),
        ["1: the contract has apiVersion 'v3.1.0', expected 'v3.2.0'"],
    ),
    "a version that is a number": (
        ("version: 1.0.0", "version: 1"),
        ["5: the contract has version 1, expected text"],
    ),
    "no schedule": (
        ("  - property: schedule\n    value: 10 * * * *\n", ""),
        ["1: the contract lacks custom property 'schedule'"],
    ),
    "nobody who answers for it": (
        ("team:\n  name: pool-office\n", ""),
        ["1: the contract lacks 'team' with a 'name': somebody answers for this data"],
    ),
    "no purpose": (
        ("  purpose: Who swims where.", "  usage: Who swims where."),
        ["1: the contract lacks 'description' with a 'purpose', the sentence the data dictionary opens with"],
    ),
    # Columns.
    "a column given twice": (
        ("      - name: remark_text", "      - name: lanes"),
        ["73: property 'lanes' has a name that stands on line 67 already"],
    ),
    "a column name in capitals": (
        ("name: remark_text", "name: Remark"),
        [
            "73: property 'Remark' has a name that is 'Remark', expected small letters, digits and _, "
            "starting with a letter"
        ],
    ),
    "a column name that is SQL": (
        ("name: remark_text", "name: order"),
        ["73: property 'order' has a name that is 'order', a word SQL keeps for itself"],
    ),
    "no description": (
        ("        description: Remark.\n", ""),
        ["73: property 'remark_text' lacks 'description'"],
    ),
    "a key column that may be empty": (
        ("        required: true\n        primaryKey: true", "        primaryKey: true"),
        ["27: property 'visit_id' is part of the primary key, so it needs 'required: true'"],
    ),
    "no key": (
        ("        primaryKey: true\n", ""),
        [
            "22: table 'pool_visits' has no column with 'primaryKey: true'; the key says which rows are the same thing"
        ],
    ),
    "two columns that arrive under one name": (
        column("businessName: 编号"),
        [
            "73: property 'remark_text' may arrive as '编号', and so may 'visit_id'; only with 'part' may columns share a name"
        ],
    ),
    "a version column that is not there": (
        ("value: [changed_at]", "value: [changed_on]"),
        [
            "99: custom property 'versionColumns' names column 'changed_on', which does not exist; did you mean 'changed_at'?"
        ],
    ),
    "a version column that is text": (
        ("value: [changed_at]", "value: [visit_id]"),
        [
            "99: custom property 'versionColumns' names column 'visit_id' of type string, expected timestamp or date "
            "or integer"
        ],
    ),
    "a version column that may be empty": (
        ("value: [changed_at]", "value: [changed_at, lanes]"),
        [
            "99: custom property 'versionColumns' names column 'lanes', which needs 'required: true' and may not be dropped"
        ],
    ),
    "an area whose day is not there": (
        ("asOf: visited_on", "asOf: visited_at"),
        [
            "45: property 'street_code' has area asOf 'visited_at', which is no column here; did you mean 'visited_on'?"
        ],
    ),
    "an area whose day is a number": (
        ("asOf: visited_on", "asOf: lanes"),
        ["45: property 'street_code' has area asOf 'lanes', of type integer, expected a date or timestamp"],
    ),
    "an unknown level of area": (
        ("level: street\n", "level: town\n"),
        [
            "53: custom property 'area' of property 'street_code' has key 'level' that is 'town', expected one of "
            "city, district, street, community"
        ],
    ),
    "two areas": (
        custom("area", "{level: street, asOf: visited_on}"),
        [
            "22: table 'pool_visits' has more than one area column (street_code, remark_text); a row carries one _area_method"
        ],
    ),
    "a token without a secret": (
        custom("privacy", "token"),
        [
            "1: the contract has personal columns (remark_text), but lacks 'landingSecret' to encrypt what lands",
            "1: the contract makes tokens of remark_text, but lacks custom property 'callerSecret'",
        ],
    ),
    "a mask without encryption": (
        custom("privacy", "mask"),
        [
            "1: the contract has personal columns (remark_text), but lacks 'landingSecret' to encrypt what lands"
        ],
    ),
    "a personal column nobody takes care of": (
        column("classification: L3"),
        ["73: property 'remark_text' is classified L3, but has no 'privacy' to say what happens to it"],
    ),
    "rounded text": (
        custom("privacy", "coarsen"),
        ["73: property 'remark_text' has privacy 'coarsen', which rounds numbers, and is of type string"],
    ),
    "decimals of nothing": (
        custom("decimals", "2"),
        ["73: property 'remark_text' has 'decimals', which belong to privacy 'coarsen'"],
    ),
    "formats of text": (
        custom("formats", '["%Y"]'),
        ["73: property 'remark_text' has 'formats', which are for dates and times, and is of type string"],
    ),
    "separators of a text": (
        custom("separators", '[","]'),
        ["73: property 'remark_text' has 'separators', which make a list of a text, and is of type string"],
    ),
    "a constant that is text": (
        custom("constant", "window_last_day"),
        ["73: property 'remark_text' has constant 'window_last_day', which is a date, and is of type string"],
    ),
    "an allowed value given twice": (
        ("value: outdoor", "value: indoor"),
        ["62: enum value 'indoor' of property 'pool_kind' is listed twice"],
    ),
    "a label with two meanings": (
        ("[露天]", "[室内]"),
        [
            "62: enum value 'outdoor' of property 'pool_kind' may arrive as '室内', which means 'indoor' already"
        ],
    ),
    "an allowed value that is a number": (
        ("value: outdoor", "value: 2"),
        ["62: enum value number 2 of property 'pool_kind' is 2, expected type string; write it in quotes"],
    ),
    "allowed values of a day": (
        ("Day of the visit.\n", "Day of the visit.\n        enum: [{value: x}]\n"),
        [
            "45: property 'visited_on' has allowed values, which nothing checks for type date; write a rule under "
            "'quality' instead"
        ],
    ),
    "a smallest above the largest": (
        ("minimum: 0", "minimum: 100"),
        ["71: property 'lanes' has minimum 100 above maximum 99"],
    ),
    "a bound beyond counting": (
        ("maximum: 99", "maximum: 99999999999999999"),
        ["72: property 'lanes' has maximum 99999999999999999, beyond what a number holds exactly"],
    ),
    "a length above the longest": (
        column("logicalTypeOptions: {minLength: 9, maxLength: 3}"),
        ["76: property 'remark_text' has minLength 9 above maxLength 3"],
    ),
    "a format of the standard": (
        ("Day of the visit.\n", "Day of the visit.\n        logicalTypeOptions: {format: yyyy-MM-dd}\n"),
        [
            "45: property 'visited_on' has option 'format', which nothing checks for type date; custom property "
            "'formats' says how it is written"
        ],
    ),
    "a list of nothing": (
        (
            "        logicalType: string\n        description: Remark.",
            "        logicalType: array\n        description: Remark.",
        ),
        [
            "73: property 'remark_text' is a list; its 'items' need a logicalType, expected one of string, integer, "
            "number, boolean, date, timestamp"
        ],
    ),
    "a stored type of another kind": (
        column("physicalType: DECIMAL(5,2)"),
        [
            "76: property 'remark_text' has physicalType 'DECIMAL(5,2)', expected DuckDB's for a string, such as VARCHAR"
        ],
    ),
    "a stored type that is SQL": (
        column('physicalType: "VARCHAR); drop table x; --"'),
        [
            "76: property 'remark_text' has physicalType 'VARCHAR); drop table x; --', expected DuckDB's for a string, "
            "such as VARCHAR"
        ],
    ),
    "a reference in another form": (
        column("relationships: [{to: orders.id}]"),
        [
            "76: relationship number 1 of property 'remark_text' refers to 'orders.id', expected level, table and "
            "column, such as city.hotline_orders.work_order_id"
        ],
    ),
    "a reference to no table": (
        column("relationships: [{to: district.pool_visit.visit_id}]"),
        [
            "73: property 'remark_text' refers to district.pool_visit, which has no contract; "
            "did you mean 'district_pool_visits'?"
        ],
    ),
    "a reference to no column": (
        column("relationships: [{to: district.pool_visits.visit}]"),
        [
            "73: property 'remark_text' refers to district.pool_visits.visit, which is not there; "
            "did you mean 'visit_id'?"
        ],
    ),
    # Where it comes from.
    "a location that is no address": (
        ("${SAMPLE_CITY_URL:-http://127.0.0.1:8600}/pools", "ftp://127.0.0.1"),
        ["12: server 'sample' has a location that does not begin with http://, https:// or ${NAME}"],
    ),
    "a placeholder in small letters": (
        ("${SAMPLE_CITY_URL:-http", "${sample:-http"),
        [
            "12: server 'sample' has a location that has placeholder ${sample:-http://127.0.0.1:8600}, "
            "expected ${NAME} or ${NAME:-default}"
        ],
    ),
    "a placeholder never closed": (
        ("8600}/pools", "8600/pools"),
        ["12: server 'sample' has a location that has a ${ that is never closed"],
    ),
    "a placeholder nobody fills": (
        ("{start:%Y%m%d}", "{strat:%Y%m%d}"),
        [
            "12: server 'sample' has a location that has placeholder {strat}, expected start or end; "
            "did you mean 'start'?"
        ],
    ),
    "a placeholder without a format": (
        ('since: "{start:%Y-%m-%d}"', 'since: "{start}"'),
        [
            "20: custom property 'query' of server 'sample' has parameter 'since', which has placeholder {start} "
            "without a format, such as {start:%Y-%m-%d}"
        ],
    ),
    "a placeholder with half a format": (
        ('since: "{start:%Y-%m-%d}"', 'since: "{start:%Y-%Q}"'),
        [
            "20: custom property 'query' of server 'sample' has parameter 'since', which has placeholder "
            "{start:%Y-%Q}, but %Q is not a part of a date or time"
        ],
    ),
    "a password in an address": (
        ("http://127.0.0.1:8600}", "http://127.0.0.1:8600}/x?password=hunter2&p=1"),
        [
            "12: server 'sample' has a location that has parameter 'password', which looks like a secret; "
            "a contract names secrets (custom property 'secret') and never holds one"
        ],
    ),
    "a user in an address": (
        ("http://127.0.0.1:8600}", "http://me:hunter2@127.0.0.1:8600}"),
        [
            "12: server 'sample' has a location that holds a user and password; a contract names secrets "
            "(custom property 'secret')"
        ],
    ),
    "a token in a query": (
        ("          since:", "          access_token: hunter2\n          since:"),
        [
            "20: custom property 'query' of server 'sample' has parameter 'access_token', which looks like a secret; "
            "a contract names secrets (custom property 'secret') and never holds one"
        ],
    ),
    "a secret that is no name": (
        server("secret", "hunter2"),
        [
            "17: custom property 'secret' of server 'sample' is not a name of small letters and _; "
            "a contract names a secret and never holds one"
        ],
    ),
    "a sheet of a text file": (
        server("sheet", "Pools"),
        ["10: server 'sample' has custom property 'sheet', which means nothing for format 'csv'"],
    ),
    "pages of a file": (
        server("pageSize", "10"),
        ["10: server 'sample' has custom property 'pageSize', but connector 'file' takes a file whole"],
    ),
    "a talk in JSON that is a text file": (
        ("value: file", "value: open311"),
        ["10: server 'sample' has format 'csv', but connector 'open311' speaks JSON"],
    ),
    "two servers of one name": (
        (
            "schema:\n",
            "  - server: sample\n    type: api\n    location: http://x\n    customProperties: "
            "[{property: connector, value: file}]\nschema:\n",
        ),
        ["21: server 'sample' has a name another server has already"],
    ),
    # How it is pulled.
    "a look back at a snapshot": (
        whole("delivery", "snapshot"),
        ["97: custom property 'lookBack' is given, but a snapshot brings everything anyway"],
    ),
    "a smallest snapshot of what is none": (
        whole("snapshotFloor", "0.5"),
        [
            "99: custom property 'snapshotFloor' is about snapshots, and a pull of this feed brings what changed"
        ],
    ),
    "a census by a column that is not there": (
        whole("census", "{schedule: 0 2 1 * *, reach: 92d, by: visit}"),
        ["99: custom property 'census' names column 'visit', which does not exist; did you mean 'visit_id'?"],
    ),
    "a re-pull without its reach": (
        whole("rePull", "{schedule: 0 2 * * *}"),
        ["99: custom property 'rePull' lacks 'reach'"],
    ),
    "rows dropped by a column that is not there": (
        whole("dropRows", "[{column: visit, pattern: x, reason: subtotal}]"),
        [
            "99: custom property 'dropRows' drops rows by column 'visit', which does not exist; did you mean 'visit_id'?"
        ],
    ),
    "rows dropped by nothing": (
        whole("dropRows", "[{pattern: x, reason: subtotal}]"),
        [
            "99: custom property 'dropRows' drops rows by both 'column' and 'wire', or by neither; give one of them"
        ],
    ),
    # Rules.
    "a rule without a name": (
        ("      - id: dry_pools_have_no_lanes\n        type: sql", "      - type: sql"),
        ["77: quality rule number 1 lacks 'id', the name its reasons are counted under"],
    ),
    "a rule without words": (
        ("        description: A dry pool has no lanes. 干池没有泳道。\n", ""),
        [
            "77: quality rule 'dry_pools_have_no_lanes' lacks 'description', the sentence people read as the reason"
        ],
    ),
    "a severity nobody knows": (
        ("severity: error", "severity: warn"),
        [
            "80: quality rule 'dry_pools_have_no_lanes' has severity 'warn', expected one of error, warning; "
            "did you mean 'warning'?"
        ],
    ),
    "a dimension the standard refuses": (
        ("severity: error", "severity: error\n        dimension: validity"),
        [
            "81: quality rule 'dry_pools_have_no_lanes' has dimension 'validity', expected one of accuracy, "
            "completeness, conformity, consistency, coverage, timeliness, uniqueness"
        ],
    ),
    "a number in words": (
        ("mustBe: 0", "mustBe: zero"),
        ["82: quality rule 'dry_pools_have_no_lanes' has mustBe 'zero', expected a number"],
    ),
    "two operators": (
        ("mustBe: 0", "mustBe: 0\n        mustNotBe: 1"),
        [
            "77: quality rule 'dry_pools_have_no_lanes' needs exactly one of mustBe, mustNotBe, mustBeGreaterThan, "
            "mustBeGreaterOrEqualTo, mustBeLessThan, mustBeLessOrEqualTo, mustBeBetween, mustNotBeBetween; "
            "found mustBe and mustNotBe"
        ],
    ),
    "a condition that counts otherwise": (
        body("type: sql\nquery: select sum(lanes) from {object}\nmustBe: 0"),
        [
            "80: quality rule 'dry_pools_have_no_lanes' is not a row rule; write `select count(*) from {object} "
            "where <what is wrong>` with `mustBe: 0`"
        ],
    ),
    "a condition that tolerates": (
        ("mustBe: 0", "mustBeLessThan: 10"),
        [
            "81: quality rule 'dry_pools_have_no_lanes' is not a row rule; write `select count(*) from {object} "
            "where <what is wrong>` with `mustBe: 0`"
        ],
    ),
    "a condition about another table": (
        ("from {object} where", "from pool_visits where"),
        [
            "81: quality rule 'dry_pools_have_no_lanes' has a query that does not read from {object}, the table this "
            "contract describes"
        ],
    ),
    "a condition that breaks out": (
        ("pool_kind = 'dry' and lanes > 0", "1 = 1) or (1 = 1"),
        [
            "81: quality rule 'dry_pools_have_no_lanes' has a condition that cannot be judged row by row: "
            "a bracket ) closes what was never opened"
        ],
    ),
    "a condition with a second statement": (
        ("lanes > 0", "lanes > 0; drop table x"),
        [
            "81: quality rule 'dry_pools_have_no_lanes' has a condition that cannot be judged row by row: "
            "it holds more than one statement (;)"
        ],
    ),
    "a condition about groups": (
        ("lanes > 0", "lanes > 0 group by lanes"),
        [
            "81: quality rule 'dry_pools_have_no_lanes' has a condition that cannot be judged row by row: "
            "'group' is about many rows, and this rule judges one row at a time"
        ],
    ),
    "a metric nobody knows": (
        body("metric: rowCont\nmustBe: 0"),
        [
            "79: quality rule 'dry_pools_have_no_lanes' has metric 'rowCont', expected one of nullValues, "
            "missingValues, invalidValues, duplicateValues, rowCount; did you mean 'rowCount'?"
        ],
    ),
    "a metric of a column that is not there": (
        body("metric: duplicateValues\narguments: {properties: [lane]}\nmustBe: 0"),
        [
            "80: quality rule 'dry_pools_have_no_lanes' names column 'lane', which is not in this contract; "
            "did you mean 'lanes'?"
        ],
    ),
    "an expectation of another engine": (
        body("type: custom\nengine: greatExpectation\nimplementation: {}"),
        [
            "80: quality rule 'dry_pools_have_no_lanes' has engine 'greatExpectation', expected one of "
            "greatExpectations; did you mean 'greatExpectations'?"
        ],
    ),
    "an expectation of a column that is not there": (
        body(
            "type: custom\nengine: greatExpectations\nimplementation:\n"
            "  type: expect_column_sum_to_be_between\n  kwargs: {column: lane, min_value: 0}"
        ),
        [
            "83: quality rule 'dry_pools_have_no_lanes' names column 'lane', which is not in this contract; "
            "did you mean 'lanes'?"
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_contract_gets_its_sentence(wrong_with, name):
    change, expected = CASES[name]

    assert expected == wrong_with(change)
