-- check: the three weights add up to one
select *
from model
where w_response + w_resolution + w_satisfaction <> 1;

-- check: a period has one rule
select
    one.rule_id,
    other.rule_id as other_rule_id,
    other.valid_from_period
from model as one
inner join model as other
    on
        one.rule_id <> other.rule_id
        and one.valid_from_period <= other.valid_from_period
        and other.valid_from_period < one.valid_to_period;
