-- governance.scorecard_alerts
-- One row per street, assessment period, revision and measure in which ours is further from the bulletin's than the
-- rule of the period lets pass. A matter for a person to look at; no build fails for it.
select
    street_code,
    period,
    revision,
    measure,
    ours,
    official,
    difference,
    tolerance,
    edition_no,
    published_at
from core.score_comparisons
where is_answered and not is_within
