-- governance.channel_levels
-- One row per level and business date on which a feed of it should have delivered or did.
-- A level is worth its worst feed that must deliver; feeds that need not count with their mean, and empty where there
-- is none of the kind. Days are those of governance.channel_health, as of the newest landing.
select
    level,
    business_date,
    count(*) as feed_count,
    count(*) filter (where is_mandatory) as mandatory_count,
    count(*) filter (where status = 'missing') as missing_count,
    count(*) filter (where status = 'late') as late_count,
    count(*) filter (where status in ('partial', 'drifted', 'quarantined')) as odd_count,
    min(total_score) filter (where is_mandatory) as mandatory_score,
    arg_min(feed_id, (total_score, feed_id)) filter (where is_mandatory) as worst_feed_id,
    cast(avg(total_score) filter (where not is_mandatory) as decimal(5, 2)) as optional_score
from governance.channel_health
group by all
