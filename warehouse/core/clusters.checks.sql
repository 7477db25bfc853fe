-- check: every report belongs to one problem
select reports.report_no
from core.reports as reports
left join model on reports.report_no = model.report_no
group by reports.report_no
having count(model.first_no) <> 1;

-- check: the first report of a problem belongs to it
select model.*
from model
inner join model as first on model.first_no = first.report_no
where first.first_no <> model.first_no or model.first_no > model.report_no;

-- check: reports linked by a named order stay together
select links.*
from core.links as links
inner join model as earlier on links.earlier_no = earlier.report_no
inner join model as later on links.later_no = later.report_no
where links.link_method = 'explicit_ref' and earlier.first_no <> later.first_no;
