-- check: a source record belongs to one case
select
    source_feed,
    source_id
from model
group by all
having count(*) > 1;

-- check: every member's case exists
select
    model.source_feed,
    model.source_id,
    model.case_id
from model
left join governance.cases as cases on model.case_id = cases.case_id
where cases.case_id is null;

-- check: every member has a reason to be there
select
    source_feed,
    source_id
from model
where link_method is null;

-- check: linking never changes how many orders count in the three rates
select count(*) as counted
from model
where counts_in_scorecard
having count(*) <> (
    select count(*)
    from city.hotline_orders as orders
    where
        orders.handling_role = 'lead'
        and orders.order_kind <> 'enquiry'
        and not coalesce(orders.is_excluded, false)
        and not coalesce(orders._is_deleted_upstream, false)
);
