-- check: every report has one state of today
select reports.report_no
from core.reports as reports
left join model on reports.report_no = model.report_no and model.known_to = 'infinity'
group by all
having count(model.state_no) <> 1;

-- check: states follow each other
select
    state_no,
    report_no
from model
where known_from >= known_to;
