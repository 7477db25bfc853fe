-- governance.case_overlaps
-- One row per street, month and combination of levels: how many cases first reported in that month these levels, and no
-- other, have a record of. What one level sees and another does not shows here; governance.cases has the cases.
-- The month is that of the first report, in the city's time. A case counts once, however many records it has.
select
    street_code,
    strftime(first_reported_at at time zone 'Asia/Shanghai', '%Y-%m') as reported_month,
    array_to_string(levels_seen, '+') as level_combination,
    max(level_count) as level_count,
    max(street_name) as street_name,
    count(*) as case_count,
    count(*) filter (where case_status = 'open') as open_count,
    cast(sum(member_count) as bigint) as member_count
from governance.cases
group by all
