"""Areas: what there is on a day, which one a text, a code or a point means, and what official editions change.

    reference    the files of contracts/reference into schema `ref`
    register     those files and every loaded edition together; loading an edition
    editions     what an edition of the code list says, and which ones were loaded
    comparing    how an edition differs from the register of the day before, and carrying that out
    names        from official names to names in use
    resolving    which area a text means on a day
    places       where a row lies: points to WGS-84, then every way to an area, one after the other
    coordinates  GCJ-02 and BD-09 to WGS-84 and back
    boundaries   points and parcels in polygons, where a boundary file is configured; the only file with `shapely`
    outlines     shares of a parcel in several areas

The last four are heavy and imported by name, when a batch needs them.
"""

from pipelines.areas.register import differences, load_edition, load_reference
from pipelines.areas.resolving import NEEDED, resolution

__all__ = ["NEEDED", "differences", "load_edition", "load_reference", "resolution"]
