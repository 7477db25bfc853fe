-- check: no two streets stand on one tile
select
    tile_row,
    tile_column
from model
group by all
having count(*) > 1;

-- check: what stands on the map is a street
select model.area_code
from model
where model.area_code not in (select areas.area_code from ref.areas as areas where areas.area_level = 'street');
