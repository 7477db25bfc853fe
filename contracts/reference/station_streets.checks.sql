-- check: on no day do the shares of a station add up to more than 1
select
    one.station_id,
    one.valid_from,
    sum(other.rider_share) as rider_share
from model as one
inner join model as other
    on
        one.station_id = other.station_id
        and one.valid_from >= other.valid_from
        and one.valid_from < other.valid_to
group by one.station_id, one.street_code, one.valid_from
having sum(other.rider_share) > 1;

-- check: a station serves only streets that live when the row begins
select
    model.station_id,
    model.street_code,
    model.valid_from
from model
left join ref.areas as areas
    on
        model.street_code = areas.area_code
        and model.valid_from >= areas.valid_from
        and model.valid_from < areas.valid_to
where areas.area_code is null;

-- check: a station has one name on a day
select
    one.station_id,
    one.station_name,
    other.station_name as other_station_name
from model as one
inner join model as other
    on
        one.station_id = other.station_id
        and one.station_name <> other.station_name
        and one.valid_from >= other.valid_from
        and one.valid_from < other.valid_to;
