-- check: a level has one row a business date
select
    level,
    business_date
from model
group by all
having count(*) > 1;

-- check: no day of a feed is left out
select sum(feed_count) as counted
from model
having coalesce(sum(feed_count), 0) <> (select count(*) from governance.channel_health);

-- check: the worst feed is one that must deliver and has that score
select model.*
from model
anti join governance.channel_health as health
    on
        model.worst_feed_id = health.feed_id
        and model.business_date = health.business_date
        and model.mandatory_score = health.total_score
        and health.is_mandatory
where model.mandatory_count > 0;
