-- check: an event has one row
select event_id
from model
group by all
having count(*) > 1;

-- check: every step that was told is an event
select
    steps.told_by,
    steps.record_id,
    steps.event_type,
    steps.event_at
from core.told_steps as steps
anti join model
    on
        steps.told_by = model.told_by
        and steps.record_id = model.source_id
        and steps.event_type = model.event_type
        and steps.event_at = model.event_at;

-- check: every member of a case has been reported
select
    members.source_feed,
    members.source_id
from governance.case_members as members
anti join model
    on
        members.source_feed = model.source_feed
        and members.source_id = model.source_id
        and model.event_type = 'reported';
