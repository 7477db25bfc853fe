-- check: at any moment a report is in one case
select report_no
from model
group by all
having count(*) <> count(distinct known_from) or count(*) filter (where known_to = 'infinity') <> 1;

-- check: a case's number is lent by a report of its own
select
    model.report_no,
    model.known_from
from model
left join model as first
    on
        model.first_no = first.report_no
        and model.known_from >= first.known_from
        and model.known_from < first.known_to
where first.first_no is distinct from model.first_no;

-- check: the number comes from a report known no later than the others
select
    report_no,
    known_from
from model
where first_no > report_no;
