-- check: only a named order links across streets
select model.*
from model
inner join core.reports as earlier on model.earlier_no = earlier.report_no
inner join core.reports as later on model.later_no = later.report_no
where model.link_method <> 'explicit_ref' and earlier.street_code <> later.street_code;

-- check: a pair is linked once
select
    earlier_no,
    later_no
from model
group by all
having count(*) > 1;

-- check: no report is linked to itself
select *
from model
where earlier_no >= later_no;
