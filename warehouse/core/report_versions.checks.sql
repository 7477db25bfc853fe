-- check: a source record has one newest version
select
    source_feed,
    source_id
from model
group by all
having count(*) filter (where is_newest) <> 1;

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
where loaded.row_count <> (select count(*) from model where model.source_feed = loaded.source_feed and model.is_newest);

-- check: at any moment one version is the newest known
select
    source_feed,
    source_id,
    known_from
from model
where known_from > known_to;
