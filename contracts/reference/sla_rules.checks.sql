-- check: whatever the class, some limit holds
select 'no row for every class' as what_is_missing
where not exists (select 1 from model where category_l1 = '*' and category_l2 = '*');

-- check: a class has one limit a day
select
    one.category_l1,
    one.category_l2,
    other.valid_from
from model as one
inner join model as other
    on
        one.category_l1 = other.category_l1
        and one.category_l2 = other.category_l2
        and one.valid_from < other.valid_from
        and other.valid_from < one.valid_to;
