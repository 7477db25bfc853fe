-- check: every case of several records has links, and a case of one record none
select
    cases.case_id,
    cases.member_count
from governance.cases as cases
left join model on cases.case_id = model.case_id
group by all
having (cases.member_count > 1) <> (count(model.case_id) > 0);

-- check: both records of a link belong to its case
select
    model.one_id,
    model.other_id
from model
inner join governance.case_members as one on model.one_feed = one.source_feed and model.one_id = one.source_id
inner join governance.case_members as other
    on model.other_feed = other.source_feed and model.other_id = other.source_id
where one.case_id <> model.case_id or other.case_id <> model.case_id;
