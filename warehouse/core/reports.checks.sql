-- check: a source record is one report
select
    source_feed,
    source_id
from model
group by all
having count(*) > 1;

-- check: no record of the three sources is lost
select
    loaded.source_feed,
    loaded.row_count
from (
    select
        'city_hotline_orders' as source_feed,
        count(*) as row_count
    from city.hotline_orders
    union all
    select
        'district_grid_cases' as source_feed,
        count(*) as row_count
    from district.grid_cases
    union all
    select
        'street_steward_requests' as source_feed,
        count(*) as row_count
    from street.steward_requests
) as loaded
where loaded.row_count <> (select count(*) from model where model.source_feed = loaded.source_feed);

-- check: a closed report is not open
select
    source_feed,
    source_id
from model
where is_open and closed_at is not null;
