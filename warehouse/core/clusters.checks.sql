-- check: every report belongs to one problem
select reports.report_no
from core.reports as reports
left join model on reports.report_no = model.report_no
group by reports.report_no
having count(model.first_no) <> 1;

-- check: two problems never share an id
select case_id
from model
group by all
having count(distinct first_no) > 1;

-- check: reports that name each other, or that a person put together, stay together
select
    links.one_no,
    links.other_no
from core.links as links
inner join model as one on links.one_no = one.report_no
inner join model as other on links.other_no = other.report_no
where links.is_explicit and links.known_to = 'infinity' and one.first_no <> other.first_no;
