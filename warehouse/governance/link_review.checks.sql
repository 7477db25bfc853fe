-- check: a pair that waits for a person is in two cases, and one found the same is in one
select
    one_id,
    other_id
from model
where
    (review_status = 'pending' and one_case_id = other_case_id)
    or (review_status = 'accepted' and one_case_id <> other_case_id);

-- check: who decided is known
select
    one_id,
    other_id
from model
where (review_status = 'pending') <> (decided_by is null);
