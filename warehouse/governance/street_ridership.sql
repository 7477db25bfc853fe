-- governance.street_ridership
-- One row per street and day of operation: riders of its stations, all lines together.
-- A station on several streets gives each its share of the day (ref.station_streets); stations that list no street
-- lie outside the region and count nowhere.
select
    shares.street_code,
    riders.ridden_on,
    areas.area_name as street_name,
    count(distinct riders.station_id) as station_count,
    count(distinct riders.station_id) filter (where shares.rider_share < 1) as shared_station_count,
    cast(round(sum(riders.entry_count * shares.rider_share)) as bigint) as entry_count,
    cast(round(sum(riders.exit_count * shares.rider_share)) as bigint) as exit_count,
    bool_or(shares.share_basis = 'example') as is_estimated
from city.transit_ridership as riders
inner join ref.station_streets as shares
    on
        riders.station_id = shares.station_id
        and riders.ridden_on >= shares.valid_from
        and riders.ridden_on < shares.valid_to
left join ref.areas as areas
    on
        shares.street_code = areas.area_code
        and riders.ridden_on >= areas.valid_from
        and riders.ridden_on < areas.valid_to
group by shares.street_code, riders.ridden_on, areas.area_name
