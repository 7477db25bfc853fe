-- check: a link begins before it ends
select
    one_no,
    other_no
from model
where known_from >= known_to;

-- check: a pair whose last decision is a refusal is not linked now
select
    model.one_no,
    model.other_no
from model
inner join core.reports as one on model.one_no = one.report_no
inner join core.reports as other on model.other_no = other.report_no
inner join ops.link_decisions as decisions
    on
        decisions.one_feed in (one.source_feed, other.source_feed)
        and decisions.other_feed in (one.source_feed, other.source_feed)
        and (
            (decisions.one_id = one.source_id and decisions.other_id = other.source_id)
            or (decisions.one_id = other.source_id and decisions.other_id = one.source_id)
        )
where model.known_to = 'infinity'
group by all
having arg_max(decisions.decision, (decisions.decided_at, decisions.decision)) = 'rejected';
