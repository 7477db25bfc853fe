-- q09_supply_against_district
-- Places, beds, doctors and green of this street per thousand of those who need them, beside the district's figure and the target where there is one. Newest day of each kind.
-- 本街道学位、床位、签约医生、绿地等每千人供给水平，并列区级水平和目标值（最新日期）。
select
    supply.service_kind,
    supply.service_name,
    supply.service_name_en,
    supply.supply,
    supply.supply_unit,
    supply.demand_base_kind,
    supply.demand_base,
    supply.per_1000,
    supply.district_per_1000,
    cast(
        supply.per_1000 / nullif(supply.district_per_1000, 0) - 1 as decimal(9, 4)
    ) as above_district_share,  -- How far above the district's figure, as a share; below 0 when under it. 高于区级水平的比例（负数为低于）
    supply.target_per_1000,
    supply.is_example_target,
    supply.gap_to_target,
    supply.quality_flag,
    supply.as_of
from governance.service_supply as supply
inner join this_office on supply.street_code = this_office.street_code
where supply.is_latest
order by supply.service_kind asc
