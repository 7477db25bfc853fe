-- check: at any moment an id leads to one case
select
    one.old_case_id,
    one.merged_at
from model as one
inner join model as next
    on
        one.old_case_id = next.old_case_id
        and one.merged_at < next.merged_at
        and coalesce(one.unmerged_at, 'infinity') > next.merged_at;

-- check: an id that is merged is no case of today, and the one it leads to is
select
    model.old_case_id,
    model.merged_at
from model
where
    model.unmerged_at is null
    and (
        model.old_case_id in (select clusters.case_id from core.clusters as clusters)
        or model.new_case_id not in (select clusters.case_id from core.clusters as clusters)
    );

-- check: a merge ends after it begins
select
    old_case_id,
    merged_at
from model
where unmerged_at <= merged_at or (unmerged_at is null) <> (unmerged_because is null);
