-- core.green_spaces
-- One row per parcel and season, with its size in square metres.
-- The size is what the source says, converted by the unit the source wrote and by nothing else (ref.units). Where it
-- is many times larger or smaller than its own outline, the unit is doubtful: the parcel says so, and is not mended.
-- The outline is measured on a sphere of 111,195 m a degree, close enough to tell 亩 from hectares.
with shapes as (
    select
        parcel_id,
        season,
        case
            when geometry like '{"type":"Polygon"%'
                then [try_cast(json_extract(geometry, '$.coordinates') as double[][][])]
            else try_cast(json_extract(geometry, '$.coordinates') as double[][][][])
        end as polygons
    from district.green_spaces
),

rings as (
    select
        parcel_id,
        season,
        polygon_no,
        unnest(polygon) as ring,
        generate_subscripts(polygon, 1) as ring_no
    from (
        select
            parcel_id,
            season,
            unnest(polygons) as polygon,
            generate_subscripts(polygons, 1) as polygon_no
        from shapes
    )
),

-- The first ring of a polygon is its outline, the others are holes in it.
outlines as (
    select
        parcel_id,
        season,
        sum(
            case when ring_no = 1 then 1 else -1 end
            * abs(
                list_sum(
                    list_transform(
                        range(1, len(ring)),
                        lambda place: (ring[place][1] - ring[1][1]) * (ring[place + 1][2] - ring[1][2])
                        - (ring[place + 1][1] - ring[1][1]) * (ring[place][2] - ring[1][2])
                    )
                )
            )
            / 2 * 111195.0 * 111195.0 * cos(radians(ring[1][2]))
        ) as outline_m2
    from rings
    group by all
)

select
    parcels.parcel_id,
    parcels.season,
    parcels.state_on,
    coalesce(parcels._is_deleted_upstream, false) as is_gone,
    parcels.parcel_name,
    parcels.green_kind,
    coalesce(kinds.is_park, false) as is_park,
    parcels.is_open_to_public,
    parcels.street_code,
    parcels.street_shares,
    parcels.area_value,
    parcels.area_unit,
    cast(parcels.area_value * units.numerator / units.denominator as decimal(16, 2)) as area_m2,
    cast(outlines.outline_m2 as decimal(16, 2)) as outline_m2,
    coalesce(
        greatest(parcels.area_value * units.numerator / units.denominator, outlines.outline_m2)
        > rules.max_area_ratio
        * least(parcels.area_value * units.numerator / units.denominator, outlines.outline_m2),
        false
    ) as is_area_doubtful
from district.green_spaces as parcels
left join outlines on parcels.parcel_id = outlines.parcel_id and parcels.season = outlines.season
left join ref.units as units
    on
        parcels.area_unit = units.unit_code
        and parcels.state_on >= units.valid_from
        and parcels.state_on < units.valid_to
left join ref.green_kinds as kinds
    on
        parcels.green_kind = kinds.green_kind
        and parcels.state_on >= kinds.valid_from
        and parcels.state_on < kinds.valid_to
left join ref.supply_rules as rules
    on
        parcels.state_on >= rules.valid_from
        and parcels.state_on < rules.valid_to
