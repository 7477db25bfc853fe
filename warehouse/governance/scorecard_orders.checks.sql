-- check: an order has one row
select work_order_id
from model
group by all
having count(*) > 1;

-- check: the orders assessed are those of the newest revision
select
    scorecard.street_code,
    scorecard.period,
    any_value(scorecard.assessed_count) as assessed_count,
    count(model.work_order_id) as order_count
from governance.street_scorecard as scorecard
left join model
    on
        scorecard.street_code = model.street_code
        and scorecard.period = model.period
        and model.is_assessed
where scorecard.is_latest
group by all
having count(model.work_order_id) <> any_value(scorecard.assessed_count);

-- check: nothing has changed since a freeze that has not come
select work_order_id
from model
where changed_since_freeze is not null and frozen_at is null;
