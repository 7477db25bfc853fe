-- core.links
-- One row per pair of reports held to be one problem, reason and stretch of time in which we held so.
-- A rule's link begins when what it rests on is known, ends when a newer version of a record takes that away, and
-- ends when a person refuses the pair. A person's last decision holds: an accepted pair is linked whatever the rules
-- say, a rejected one is not.
-- is_explicit marks what survives when a case grows too large: named numbers and persons' decisions.
with decisions as (
    select
        least(one.report_no, other.report_no) as one_no,
        greatest(one.report_no, other.report_no) as other_no,
        decisions.decision,
        decisions.decided_at,
        lead(decisions.decided_at, 1, 'infinity') over (
            partition by least(one.report_no, other.report_no), greatest(one.report_no, other.report_no)
            order by decisions.decided_at, decisions.decision
        ) as decided_until
    from ops.link_decisions as decisions
    inner join core.reports as one on decisions.one_feed = one.source_feed and decisions.one_id = one.source_id
    inner join core.reports as other
        on decisions.other_feed = other.source_feed and decisions.other_id = other.source_id
),

first_decisions as (
    select
        one_no,
        other_no,
        min(decided_at) as decided_at
    from decisions
    group by all
),

spans as (
    select
        pairs.*,
        pairs.known_from as held_from,
        least(pairs.known_to, coalesce(first_decisions.decided_at, 'infinity')) as held_to
    from core.pairs as pairs
    left join first_decisions
        on pairs.one_no = first_decisions.one_no and pairs.other_no = first_decisions.other_no
    where pairs.is_sure and pairs.link_method <> 'reviewed'
    union all
    select
        pairs.*,
        greatest(pairs.known_from, decisions.decided_at) as held_from,
        least(pairs.known_to, decisions.decided_until) as held_to
    from core.pairs as pairs
    inner join decisions on pairs.one_no = decisions.one_no and pairs.other_no = decisions.other_no
    -- A rule's own link holds on beside an accepted one: the person's may lapse, when a record moves to another street.
    where decisions.decision = 'accepted' and pairs.is_sure
)

select
    * exclude (is_sure, known_from, known_to, held_from, held_to),
    link_method in ('explicit_ref', 'reviewed') as is_explicit,
    held_from as known_from,
    held_to as known_to
from spans
where held_from < held_to
