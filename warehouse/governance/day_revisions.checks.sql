-- check: no date ever had fewer than no records
select *
from model
where record_count < 0 or record_count_before < 0;

-- check: a revision is the sum of what it consists of
select *
from model
where
    record_count - record_count_before
    <> arrived_count + moved_here_count - moved_away_count - withdrawn_count;

-- check: the newest number is that of the records there are
select
    model.source_feed,
    model.street_code,
    model.business_date,
    any_value(model.record_count) as record_count,
    count(members.source_id) as member_count
from model
left join governance.case_members as members
    on
        model.source_feed = members.source_feed
        and model.street_code = members.street_code
        and model.business_date = cast(members.reported_at at time zone 'Asia/Shanghai' as date)
        and not members.is_withdrawn
where model.is_latest
group by all
having count(members.source_id) <> any_value(model.record_count);
