-- check: from any moment on a pair has one reason, and a person's beside it
select
    one_no,
    other_no,
    known_from
from model
group by
    one_no,
    other_no,
    known_from,
    link_method = 'reviewed'
having count(*) > 1;

-- check: no report is paired with itself, and the one known first stands first
select
    one_no,
    other_no
from model
where one_no >= other_no;

-- check: only a named number reaches across streets
select
    model.one_no,
    model.other_no
from model
inner join core.report_states as one
    on model.one_no = one.report_no and model.known_from >= one.known_from and model.known_from < one.known_to
inner join core.report_states as other
    on model.other_no = other.report_no and model.known_from >= other.known_from and model.known_from < other.known_to
where model.link_method <> 'explicit_ref' and one.street_code <> other.street_code;

-- check: scores lie between 0 and 1
select
    one_no,
    other_no
from model
where link_score not between 0 and 1;
