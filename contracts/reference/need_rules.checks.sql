-- check: a day has one rule
select
    one.rule_id,
    other.rule_id as other_rule_id
from model as one
inner join model as other
    on
        one.rule_id <> other.rule_id
        and one.valid_from <= other.valid_from
        and other.valid_from < one.valid_to;
