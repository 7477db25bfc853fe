-- check: a record that a source lacks stands here once a street and day
select
    thing,
    street_code,
    business_date,
    lacking_feed,
    record_id
from model
group by all
having count(*) > 1;

-- check: what a record is found under instead is another street
select record_id
from model
where found_street_code = street_code or (reason = 'other_street' and found_street_code is null);
