-- check: an alert is a difference beyond what is let pass
select *
from model
where abs(difference) <= tolerance;

-- check: a street that is not reconciled has an alert, and no other
select
    scorecard.street_code,
    scorecard.period,
    scorecard.revision
from governance.street_scorecard as scorecard
left join model
    on
        scorecard.street_code = model.street_code
        and scorecard.period = model.period
        and scorecard.revision = model.revision
where scorecard.is_reconciled is not distinct from (model.street_code is not null);
