-- core.reports
-- One row per source record of a problem, in its newest version.
-- report_no counts them in the order in which they became known here (then by time of report), so the smallest
-- number of a group is the record that lends the group its case_id: what becomes known later never changes that.
-- own_case_id is the case id a record has alone, and lends. It is made of the record's first version, so that no
-- correction changes it. Whoever holds a case id of any day finds the record that lent it, and the case of today.
select
    row_number() over (order by known_at, first_reported_at, source_feed, source_id) as report_no,
    'GC' || strftime(first_reported_at at time zone 'Asia/Shanghai', '%y%m')
    || '-' || left(sha256(source_feed || '|' || source_id), 12) as own_case_id,
    * exclude (known_from, known_to, is_newest, first_reported_at)
from core.report_versions
where is_newest
