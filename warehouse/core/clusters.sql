-- core.clusters
-- One row per report, with the number of the report that lends its case the id, and that id, as of now.
select
    reports.report_no,
    coalesce(memberships.first_no, reports.report_no) as first_no,
    first.own_case_id as case_id
from core.reports as reports
left join core.memberships as memberships
    on reports.report_no = memberships.report_no and memberships.known_to = 'infinity'
inner join core.reports as first on coalesce(memberships.first_no, reports.report_no) = first.report_no
